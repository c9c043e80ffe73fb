using System.Buffers;
using System.Security.Cryptography;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>Hashes what is written on its way.</summary>
/// <param name="writer">Where it goes.</param>
internal sealed class HashingWriter(IBufferWriter<byte> writer) : IBufferWriter<byte>, IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private Memory<byte> _given;

    /// <summary>SHA-256 of all that was written so far.</summary>
    public ContentHash Hash => ContentHash.FromBytes(_hash.GetCurrentHash());

    public void Advance(int count)
    {
        _hash.AppendData(_given.Span[..count]);
        _given = _given[count..];
        writer.Advance(count);
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _given = writer.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public void Dispose() => _hash.Dispose();
}
