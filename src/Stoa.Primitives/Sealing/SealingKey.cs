using System.Security.Cryptography;

namespace Stoa.Primitives.Sealing;

/// <summary>The private half of a key that inputs are sealed to. Safe for use by many threads.</summary>
public sealed class SealingKey : IDisposable
{
    private readonly ECDiffieHellman _key;
    private readonly Lock _gate = new();

    private SealingKey(ECDiffieHellman key) => (_key, PublicKey) = (key, SealingPublicKey.FromBytes(Hpke.PointOf(key)));

    /// <summary>The half that others may know.</summary>
    public SealingPublicKey PublicKey { get; }

    /// <summary>Derives a key: the same material always gives the same one.</summary>
    /// <param name="keyMaterial">At least 32 bytes that nobody can guess.</param>
    public static SealingKey Derive(ReadOnlySpan<byte> keyMaterial)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keyMaterial.Length, Hpke.ScalarBytes);
        return new SealingKey(Hpke.DeriveKeyPair(keyMaterial));
    }

    /// <summary>Takes up the exchange that an input begins.</summary>
    /// <param name="header">Of the input; it names this key.</param>
    /// <param name="account">Id of the account whose task it is.</param>
    /// <exception cref="SealBrokenException">It is sealed to another key.</exception>
    public SealedExchange Open(SealedHeader header, string account)
    {
        ArgumentNullException.ThrowIfNull(header);
        if (header.KeyId != PublicKey.Id)
            throw new SealBrokenException($"It is sealed to the key {header.KeyId}, not to {PublicKey.Id}.");
        // The platform does not promise that one key may be used by two threads at a time.
        lock (_gate)
            return SealedExchange.FromSecret(Hpke.Decapsulate(header.Encapsulated, _key), account);
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}
