export const LOCALES = ["en", "de", "es", "ar"] as const;
export type Locale = (typeof LOCALES)[number];

/** Returns the first locale wanted that there are texts in, English where there is none. */
export function chooseLocale(wanted: readonly (string | null | undefined)[]): Locale {
  for (const name of wanted) {
    const language = name?.toLowerCase().split(/[-_]/)[0];
    const found = LOCALES.find((locale) => locale === language);
    if (found) return found;
  }
  return "en";
}

export const readDirection = (locale: Locale): "rtl" | "ltr" => (locale === "ar" ? "rtl" : "ltr");
