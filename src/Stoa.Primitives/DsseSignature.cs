namespace Stoa.Primitives;

/// <summary>One signature of a DSSE envelope.</summary>
/// <param name="KeyId">A hint at the key, here the signer's peer id; it is not signed, so nothing may be decided by it. May be empty.</param>
/// <param name="Sig">The signature; of Stoa's keys as DER.</param>
public sealed record DsseSignature(string KeyId, byte[] Sig)
{
    /// <summary>Whether both have the same hint and bytes.</summary>
    public bool Equals(DsseSignature? other) =>
        other is not null && KeyId == other.KeyId && Sig.AsSpan().SequenceEqual(other.Sig);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(KeyId, StringComparer.Ordinal);
        hash.AddBytes(Sig);
        return hash.ToHashCode();
    }
}
