const PATHS = {
  close: "M6 6l12 12M18 6L6 18",
  restart: "M4 5v5h5M4.6 15A8 8 0 1 0 6 6.6L4 10",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 21c.6-4 3.8-6 8-6s7.4 2 8 6",
  send: "M5 12h14M13 6l6 6-6 6",
  stop: "M7 7h10v10H7Z",
  back: "M19 12H5M11 6l-6 6 6 6",
  up: "M7 10v11M7 11l4-8a2.5 2.5 0 0 1 2.6 3L13 10h6a2 2 0 0 1 2 2.3l-1.3 7A2 2 0 0 1 17.7 21H7H3V10Z",
  down: "M7 14V3M7 13l4 8a2.5 2.5 0 0 0 2.6-3L13 14h6a2 2 0 0 0 2-2.3l-1.3-7A2 2 0 0 0 17.7 3H7H3V14Z",
  article: "M6 3h8l4 4v14H6ZM14 3v4h4M9 12h6M9 16h6",
  away: "M12 7v5l3 3M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" class={`icon icon-${name}`} aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
