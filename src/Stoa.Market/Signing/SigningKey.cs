using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Signing;

/// <summary>A public key whose holder stands for a user by signing requests. No secret of it is ever at the node.</summary>
/// <param name="Id">What signatures name it by.</param>
/// <param name="UserId">Whom it stands for.</param>
/// <param name="Name">What the owner calls it.</param>
/// <param name="PublicKey">P-256.</param>
/// <param name="CreatedAt">UTC.</param>
/// <param name="RevokedAt">Null: in force.</param>
public sealed record SigningKey(
    Id<SigningKey> Id, Id<User> UserId, string Name, PublicKey PublicKey, DateTimeOffset CreatedAt, DateTimeOffset? RevokedAt) : IIdentified
{
    /// <summary>How many keys in force a user may have.</summary>
    public const int KeysMax = 100;

    /// <summary>Most characters of a name.</summary>
    public const int NameLengthMax = 64;

    public static string IdPrefix => "skey";

    /// <summary>What is wrong with a name; null when it is good.</summary>
    public static FieldError? CheckName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is 0 or > NameLengthMax || name.Any(char.IsControl)
            ? new FieldError("/name", $"A name has 1 to {NameLengthMax} characters, none of them a control character.")
            : null;
    }
}

/// <summary>Every reason for which an act on signing keys is refused.</summary>
public enum SigningKeyRefusal
{
    /// <summary>The name, the public key or the proof is not as it must be; every reason is listed.</summary>
    SigningKeyInvalid,

    /// <summary>The public key is registered already, or was before it was revoked.</summary>
    SigningKeyTaken,

    /// <summary>The user has as many signing keys as are allowed.</summary>
    SigningKeysTooMany,

    /// <summary>The caller's own credential may do less than a signature could.</summary>
    CredentialTooNarrow,

    /// <summary>No such signing key, or it belongs to somebody else, or it was revoked before.</summary>
    SigningKeyUnknown,
}
