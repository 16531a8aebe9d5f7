/**
 * What a failure of the disk means for a server that is a directory.
 *
 * @since 1.0.0
 */
import type { TransportReason } from "../../domain/Errors.ts"

/** The reason for a code of a {@link ./DiskError.ts}. */
export const transportReason = (code: string): TransportReason => {
  switch (code) {
    case "Vanished":
    case "Changed":
      return { _tag: "SourceChanged" }
    case "ENOSPC":
    case "EDQUOT":
      return { _tag: "OutOfSpace" }
    case "EACCES":
    case "EPERM":
    case "Escapes":
    case "Unreadable":
      return { _tag: "PermissionDenied" }
    case "ENAMETOOLONG":
    case "EINVAL":
    case "EILSEQ":
    case "EFBIG":
    case "Reserved":
      return { _tag: "NameRefused" }
    case "Mismatch":
      return { _tag: "VerificationFailed" }
    // The directory as a whole is out of reach: not mounted, read-only, a disk or file server that fails.
    case "NoRoot":
    case "EROFS":
    case "EIO":
    case "ENODEV":
    case "ENXIO":
    case "ESTALE":
    case "ETIMEDOUT":
    case "EHOSTDOWN":
    case "EHOSTUNREACH":
    case "ENOTCONN":
      return { _tag: "Unreachable" }
    case "Busy":
    case "EMFILE":
    case "ENFILE":
    case "EAGAIN":
    case "ENOMEM":
      return { _tag: "Throttled" }
    default:
      return { _tag: "Rejected" }
  }
}
