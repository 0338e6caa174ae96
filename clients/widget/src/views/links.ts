// A link is drawn only where it leads to the page's own host or to one that the site allows.

const ADDRESS = /https?:\/\/[^\s<>()[\]]*[^\s<>()[\].,;:!?'"»”]/g;

export interface Piece {
  text: string;
  href: string | null;
}

export type Allow = (address: string) => string | null;

/** Returns a check that gives an address back in full where it may be linked to. */
export function makeAllow(hosts: readonly string[]): Allow {
  const isAllowed = (url: URL): boolean =>
    url.host === location.host ||
    hosts.some((host) => (host.startsWith("*.") ? url.hostname.endsWith(host.slice(1)) : url.host === host));
  return (address) => {
    try {
      const url = new URL(address);
      const web = url.protocol === "https:" || url.protocol === "http:";
      return web && !url.username && isAllowed(url) ? url.href : null;
    } catch {
      return null; // an address inside the help centre, or none at all
    }
  };
}

export function splitLinks(text: string, allow: Allow): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const { 0: address, index } of text.matchAll(ADDRESS)) {
    if (index > done) pieces.push({ text: text.slice(done, index), href: null });
    pieces.push({ text: address, href: allow(address) });
    done = index + address.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), href: null });
  return pieces;
}
