using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Market.Tasks;

/// <summary>Hashes what goes through it to another stream, which it does not close.</summary>
internal sealed class HashingStream(Stream inner) : WriteOnlyStream
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>SHA-256 of what went through.</summary>
    public ContentHash GetHash() => ContentHash.FromBytes(hash.GetCurrentHash());

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        inner.Write(buffer);
        hash.AppendData(buffer);
    }

    public override void Flush() => inner.Flush();

    protected override void Dispose(bool disposing)
    {
        hash.Dispose();
        base.Dispose(disposing);
    }
}
