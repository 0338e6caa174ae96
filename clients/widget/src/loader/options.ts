// What the page's script element says.

export interface Options {
  base: string;
  key: string | null;
  locale: string | null;
  theme: string | null;
  linkHosts: string[];
}

export function readOptions(script: HTMLScriptElement): Options {
  const { key, locale, host, theme, linkHosts } = script.dataset;
  return {
    base: new URL("./", host ? addSlash(host) : script.src).href,
    key: key || null,
    locale: locale || null,
    theme: theme || null,
    linkHosts: (linkHosts ?? "").split(/[\s,]+/).filter(Boolean),
  };
}

function addSlash(host: string): string {
  const address = /^https?:\/\//.test(host) ? host : `https://${host}`;
  return address.endsWith("/") ? address : `${address}/`;
}

/** Finds the element that is running; a module loader may have taken it away from the document. */
export function findScript(): HTMLScriptElement | null {
  const running = document.currentScript;
  if (running instanceof HTMLScriptElement) return running;
  return document.querySelector<HTMLScriptElement>('script[src*="/widget.js"]');
}
