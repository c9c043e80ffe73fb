using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Stoa.Network.Identity;

/// <summary>The curve from libsodium 1.0.</summary>
internal sealed unsafe class SodiumCurve25519 : ICurve25519
{
    private readonly delegate* unmanaged[Cdecl]<byte*, byte*, ulong, byte*, int> _verifyDetached;
    private readonly delegate* unmanaged[Cdecl]<byte*, byte*, int> _scalarMultBase;
    private readonly delegate* unmanaged[Cdecl]<byte*, byte*, byte*, int> _scalarMult;

    private SodiumCurve25519(string name, nint library)
    {
        Library = name;
        _verifyDetached = (delegate* unmanaged[Cdecl]<byte*, byte*, ulong, byte*, int>)NativeLibrary.GetExport(library, "crypto_sign_ed25519_verify_detached");
        _scalarMultBase = (delegate* unmanaged[Cdecl]<byte*, byte*, int>)NativeLibrary.GetExport(library, "crypto_scalarmult_curve25519_base");
        _scalarMult = (delegate* unmanaged[Cdecl]<byte*, byte*, byte*, int>)NativeLibrary.GetExport(library, "crypto_scalarmult_curve25519");
        if (((delegate* unmanaged[Cdecl]<int>)NativeLibrary.GetExport(library, "sodium_init"))() < 0)
            throw new CryptographicException($"{name} does not start.");
    }

    /// <inheritdoc/>
    public string Library { get; }

    /// <summary>Loads it; null where it is not, or not whole.</summary>
    public static SodiumCurve25519? TryLoad()
    {
        try
        {
            return Curve25519.TryLoad(["libsodium.so.23", "libsodium.so.26", "libsodium.dylib", "libsodium.dll"], out var name, out var library)
                ? new SodiumCurve25519(name, library)
                : null;
        }
        catch (Exception e) when (e is EntryPointNotFoundException or CryptographicException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public bool Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKey.Length, ICurve25519.KeyLength);
        if (signature.Length != ICurve25519.SignatureLength)
            return false;
        fixed (byte* key = publicKey, bytes = data, signed = signature)
            return _verifyDetached(signed, bytes, (ulong)data.Length, key) == 0;
    }

    /// <inheritdoc/>
    public void DerivePublicKey(ReadOnlySpan<byte> secret, Span<byte> publicKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, ICurve25519.KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKey.Length, ICurve25519.KeyLength);
        fixed (byte* own = secret, made = publicKey)
        {
            if (_scalarMultBase(made, own) != 0)
                throw new CryptographicException($"{Library} makes no X25519 key.");
        }
    }

    /// <inheritdoc/>
    public bool TryAgree(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> agreed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, ICurve25519.KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKey.Length, ICurve25519.KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(agreed.Length, ICurve25519.KeyLength);
        fixed (byte* own = secret, other = publicKey, made = agreed)
            return _scalarMult(made, own, other) == 0;
    }
}
