/** The hash of the application that this loader belongs to, put in by build.mjs. */
declare const VERSION: string;

declare module "*.css" {
  const text: string;
  export default text;
}
