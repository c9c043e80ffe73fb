using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Stoa.Network.Identity;
using Stoa.Primitives;

namespace Stoa.Network.Security;

/// <summary>The Noise protocol <c>Noise_XX_25519_ChaChaPoly_SHA256</c> with peers' keys in its handshake: <c>/noise</c> of libp2p.</summary>
/// <remarks>Each handshake has keys of its own: two of them show nobody that they are of one peer but by what they prove inside.</remarks>
public sealed class NoiseSecurity : ISecurityProtocol
{
    /// <summary>Its name in multistream-select.</summary>
    public const string Name = "/noise";

    private readonly PrivateKey _identity;
    private readonly ICurve25519 _curve;

    internal NoiseSecurity(PrivateKey identity, ICurve25519 curve) => (_identity, _curve) = (identity, curve);

    /// <inheritdoc/>
    public string Protocol => Name;

    /// <summary>Makes it where this machine has what it needs beyond .NET, X25519; otherwise says what is missing.</summary>
    public static bool TryCreate(PrivateKey identity, [NotNullWhen(true)] out NoiseSecurity? noise, [NotNullWhen(false)] out string? missing) =>
        TryCreate(identity, Curve25519.OfThisMachine, ChaCha20Poly1305.IsSupported, out noise, out missing);

    internal static bool TryCreate(
        PrivateKey identity, ICurve25519? curve, bool hasCipher, [NotNullWhen(true)] out NoiseSecurity? noise, [NotNullWhen(false)] out string? missing)
    {
        missing = curve is null ? "Noise needs OpenSSL 3 (libcrypto) or libsodium on this machine for X25519, and there is neither."
            : hasCipher ? null : "Noise needs ChaCha20-Poly1305, which .NET does not have on this machine.";
        noise = missing is null ? new NoiseSecurity(identity, curve!) : null;
        return noise is not null;
    }

    /// <inheritdoc/>
    public async Task<SecuredStream> SecureAsync(Stream raw, bool isInitiator, PeerId? expected, CancellationToken cancellationToken)
    {
        using var handshake = new NoiseHandshake(_curve, staticKey => NoisePayload.Encode(_identity, staticKey), raw);
        return isInitiator ? await handshake.InitiateAsync(expected, cancellationToken) : await handshake.RespondAsync(expected, cancellationToken);
    }
}
