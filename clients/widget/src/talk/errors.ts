// What can go wrong, by what is done next.
import type { Problem } from "./wire";

/** No answer came, or it was cut off: the same can be asked again. */
export class Unreachable extends Error {}

/** The service said no. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? "");
  }

  /** The token has expired or the conversation is no more: begin a new one. */
  get isGone(): boolean {
    return this.problem.status === 401 || this.problem.status === 404;
  }

  get isLimited(): boolean {
    return this.problem.status === 429;
  }

  /** Nothing is wrong with what was asked: the same will be taken later. */
  get isPassing(): boolean {
    return this.isLimited || this.problem.status === 503 || this.problem.status === 502 || this.problem.status === 504;
  }
}
