using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Stoa.Network.Identity;

/// <summary>Finds the library of this machine that has Ed25519 and X25519.</summary>
internal static class Curve25519
{
    /// <summary>OpenSSL where there is version 3 of it, else libsodium; null where there is neither.</summary>
    public static ICurve25519? OfThisMachine { get; } = (ICurve25519?)OpenSslCurve25519.TryLoad() ?? SodiumCurve25519.TryLoad();

    internal static bool TryLoad(IEnumerable<string> names, [NotNullWhen(true)] out string? name, out nint library)
    {
        foreach (var candidate in names)
        {
            if (NativeLibrary.TryLoad(candidate, out library))
            {
                name = candidate;
                return true;
            }
        }

        (name, library) = (null, 0);
        return false;
    }
}
