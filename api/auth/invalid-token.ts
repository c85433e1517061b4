import { OrderSystemError } from '../../domain/errors.ts';

/** A request that carries a token, or something in the place of one, with which nobody is let in. */
export class InvalidToken extends OrderSystemError {
  /** @param reason for the caller; tells nothing of keys or of what a token without a good signature claims */
  constructor(reason: string) {
    super('UNAUTHENTICATED', reason);
  }
}

/**
 * A token that no key was tried on, because the issuer publishes none that it names: maybe it is signed with a key of
 * which we do not know yet. Nobody learns from it whether a signature would be good, so it is no guess.
 */
export class UnknownKey extends InvalidToken {}
