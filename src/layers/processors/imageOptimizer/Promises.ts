/**
 * What a variant of the optimizer promises besides identical pixels.
 *
 * @since 1.0.0
 */

export interface Promises {
  /** Everything that describes the picture stays; else only what decides how it is shown. */
  readonly metadata: boolean
  /** The name stays; else a still GIF may become a PNG. */
  readonly filename: boolean
}

/** A picture that is smaller than it was. `extension` where it has become another kind of file. */
export interface Optimized {
  readonly bytes: Uint8Array
  readonly extension?: "png"
}
