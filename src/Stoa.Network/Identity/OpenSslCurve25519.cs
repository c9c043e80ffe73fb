using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Stoa.Network.Identity;

/// <summary>The curve from libcrypto of OpenSSL 3, by its EVP interface.</summary>
internal sealed unsafe class OpenSslCurve25519 : ICurve25519
{
    private const int X25519 = 1034;
    private const int Ed25519 = 1087;

    private readonly delegate* unmanaged[Cdecl]<int, nint, byte*, nuint, nint> _newPublicKey;
    private readonly delegate* unmanaged[Cdecl]<int, nint, byte*, nuint, nint> _newPrivateKey;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*, nuint*, int> _getPublicKey;
    private readonly delegate* unmanaged[Cdecl]<nint, void> _freeKey;
    private readonly delegate* unmanaged[Cdecl]<nint> _newDigest;
    private readonly delegate* unmanaged[Cdecl]<nint, void> _freeDigest;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, int> _verifyInit;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, nuint, int> _verify;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nint> _newContext;
    private readonly delegate* unmanaged[Cdecl]<nint, void> _freeContext;
    private readonly delegate* unmanaged[Cdecl]<nint, int> _deriveInit;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, int> _deriveSetPeer;
    private readonly delegate* unmanaged[Cdecl]<nint, byte*, nuint*, int> _derive;
    private readonly delegate* unmanaged[Cdecl]<void> _clearErrors;

    private OpenSslCurve25519(string name, nint library)
    {
        Library = name;
        _newPublicKey = (delegate* unmanaged[Cdecl]<int, nint, byte*, nuint, nint>)Export("EVP_PKEY_new_raw_public_key");
        _newPrivateKey = (delegate* unmanaged[Cdecl]<int, nint, byte*, nuint, nint>)Export("EVP_PKEY_new_raw_private_key");
        _getPublicKey = (delegate* unmanaged[Cdecl]<nint, byte*, nuint*, int>)Export("EVP_PKEY_get_raw_public_key");
        _freeKey = (delegate* unmanaged[Cdecl]<nint, void>)Export("EVP_PKEY_free");
        _newDigest = (delegate* unmanaged[Cdecl]<nint>)Export("EVP_MD_CTX_new");
        _freeDigest = (delegate* unmanaged[Cdecl]<nint, void>)Export("EVP_MD_CTX_free");
        _verifyInit = (delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint, int>)Export("EVP_DigestVerifyInit");
        _verify = (delegate* unmanaged[Cdecl]<nint, byte*, nuint, byte*, nuint, int>)Export("EVP_DigestVerify");
        _newContext = (delegate* unmanaged[Cdecl]<nint, nint, nint>)Export("EVP_PKEY_CTX_new");
        _freeContext = (delegate* unmanaged[Cdecl]<nint, void>)Export("EVP_PKEY_CTX_free");
        _deriveInit = (delegate* unmanaged[Cdecl]<nint, int>)Export("EVP_PKEY_derive_init");
        _deriveSetPeer = (delegate* unmanaged[Cdecl]<nint, nint, int>)Export("EVP_PKEY_derive_set_peer");
        _derive = (delegate* unmanaged[Cdecl]<nint, byte*, nuint*, int>)Export("EVP_PKEY_derive");
        _clearErrors = (delegate* unmanaged[Cdecl]<void>)Export("ERR_clear_error");

        nint Export(string function) => NativeLibrary.GetExport(library, function);
    }

    /// <inheritdoc/>
    public string Library { get; }

    /// <summary>Loads it; null where it is not, or not whole.</summary>
    public static OpenSslCurve25519? TryLoad()
    {
        try
        {
            return Curve25519.TryLoad(["libcrypto.so.3", "libcrypto.3.dylib", "libcrypto-3-x64.dll"], out var name, out var library)
                ? new OpenSslCurve25519(name, library)
                : null;
        }
        catch (EntryPointNotFoundException)
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
        var (key, digest) = ((nint)0, (nint)0);
        fixed (byte* point = publicKey, bytes = data, signed = signature)
        {
            try
            {
                key = _newPublicKey(Ed25519, 0, point, (nuint)publicKey.Length);
                digest = _newDigest();
                return key != 0 && digest != 0 && _verifyInit(digest, 0, 0, 0, key) == 1
                    && _verify(digest, signed, (nuint)signature.Length, bytes, (nuint)data.Length) == 1;
            }
            finally
            {
                _freeDigest(digest);
                _freeKey(key);
                // What failed here must not be found by the next call of .NET's own on this thread.
                _clearErrors();
            }
        }
    }

    /// <inheritdoc/>
    public void DerivePublicKey(ReadOnlySpan<byte> secret, Span<byte> publicKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, ICurve25519.KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKey.Length, ICurve25519.KeyLength);
        var length = (nuint)publicKey.Length;
        fixed (byte* own = secret, made = publicKey)
        {
            var key = _newPrivateKey(X25519, 0, own, (nuint)secret.Length);
            var isMade = key != 0 && _getPublicKey(key, made, &length) == 1;
            _freeKey(key);
            _clearErrors();
            if (!isMade)
                throw new CryptographicException($"{Library} makes no X25519 key.");
        }
    }

    /// <inheritdoc/>
    public bool TryAgree(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> publicKey, Span<byte> agreed)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(secret.Length, ICurve25519.KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKey.Length, ICurve25519.KeyLength);
        ArgumentOutOfRangeException.ThrowIfNotEqual(agreed.Length, ICurve25519.KeyLength);
        var (own, other, context) = ((nint)0, (nint)0, (nint)0);
        var length = (nuint)agreed.Length;
        fixed (byte* scalar = secret, point = publicKey, made = agreed)
        {
            try
            {
                own = _newPrivateKey(X25519, 0, scalar, (nuint)secret.Length);
                other = _newPublicKey(X25519, 0, point, (nuint)publicKey.Length);
                context = own == 0 ? 0 : _newContext(own, 0);
                return other != 0 && context != 0 && _deriveInit(context) == 1 && _deriveSetPeer(context, other) == 1 && _derive(context, made, &length) == 1;
            }
            finally
            {
                _freeContext(context);
                _freeKey(other);
                _freeKey(own);
                _clearErrors();
            }
        }
    }
}
