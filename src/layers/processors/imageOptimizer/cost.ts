/**
 * Which pictures are too large to be worked on.
 *
 * @since 1.0.0
 */
import { getHeapStatistics } from "node:v8"
import {
  IMAGE_MEMORY_BASE,
  IMAGE_MEMORY_PER_BYTE,
  IMAGE_MEMORY_PER_PIXEL,
  IMAGE_PIXELS,
} from "../../../domain/Limits.ts"

/** What to say of a picture that is too large, e.g. for a process whose memory is limited; undefined where it is not. */
export const tooLarge = (
  bytes: Uint8Array,
  pixels: number,
  { deep = false, memory = getHeapStatistics().heap_size_limit } = {},
): string | undefined => {
  if (pixels > IMAGE_PIXELS) return `it has more than ${IMAGE_PIXELS} pixels`
  const needed =
    IMAGE_MEMORY_BASE + pixels * IMAGE_MEMORY_PER_PIXEL * (deep ? 2 : 1) + bytes.length * IMAGE_MEMORY_PER_BYTE
  return needed > memory
    ? `it needs ${Math.ceil(needed / 1_048_576)} MiB of memory, more than there is for it`
    : undefined
}
