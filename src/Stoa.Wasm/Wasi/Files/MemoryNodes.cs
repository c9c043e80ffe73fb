namespace Stoa.Wasm.Wasi.Files;

/// <summary>What an in-memory file system keeps of a file, a directory or a symbolic link.</summary>
internal abstract class MemoryInode(ulong number, ulong nowNs)
{
    public ulong Number { get; } = number;

    public ulong AccessedNs { get; set; } = nowNs;

    public ulong ModifiedNs { get; set; } = nowNs;

    public ulong ChangedNs { get; set; } = nowNs;

    public abstract FileType Type { get; }

    public abstract ulong SizeBytes { get; }

    /// <summary>How many names lead here; 0 when it has been removed.</summary>
    public ulong LinkCount { get; set; }

    public FileStat Stat() => new(1, Number, Type, LinkCount, SizeBytes, AccessedNs, ModifiedNs, ChangedNs);

    public void Touch(ulong nowNs)
    {
        ModifiedNs = nowNs;
        ChangedNs = nowNs;
    }
}

/// <summary>A directory: names in ordinal order, so that listings replay.</summary>
internal sealed class MemoryDirectory(ulong number, ulong nowNs) : MemoryInode(number, nowNs)
{
    public SortedDictionary<string, MemoryInode> Children { get; } = new(StringComparer.Ordinal);

    /// <summary>The directory that holds this one, after removal the last one that did; null at the root.</summary>
    public MemoryDirectory? Parent { get; set; }

    public override FileType Type => FileType.Directory;

    public override ulong SizeBytes => 0;

    public bool IsInside(MemoryDirectory other)
    {
        var directory = this;
        // The root is its own parent, so it ends the walk.
        while (directory != other)
        {
            if (directory.Parent is not { } parent || parent == directory)
                return false;
            directory = parent;
        }

        return true;
    }
}

/// <summary>A symbolic link.</summary>
internal sealed class MemoryLink(ulong number, ulong nowNs, string target, int targetBytes) : MemoryInode(number, nowNs)
{
    public string Target { get; } = target;

    public override FileType Type => FileType.SymbolicLink;

    public override ulong SizeBytes => (ulong)targetBytes;
}

/// <summary>A file's bytes, in chunks that are made when first written: growing never copies what is there.</summary>
internal sealed class MemoryFile(ulong number, ulong nowNs) : MemoryInode(number, nowNs)
{
    private const int ChunkBytes = 64 * 1024;
    private const int SmallestChunkBytes = 256;

    private readonly List<byte[]?> _chunks = [];

    public long Length { get; private set; }

    /// <summary>Open descriptors; the bytes of a removed file are given back when the last one closes.</summary>
    public int OpenCount { get; set; }

    public override FileType Type => FileType.RegularFile;

    public override ulong SizeBytes => (ulong)Length;

    public int Read(Span<byte> buffer, long offset)
    {
        if (offset >= Length)
            return 0;
        var total = (int)Math.Min(buffer.Length, Length - offset);
        for (var done = 0; done < total;)
        {
            var (chunk, at) = Locate(offset + done);
            var part = buffer.Slice(done, Math.Min(total - done, ChunkBytes - at));
            // A chunk may be missing or shorter than what the file has grown to: the rest is a hole.
            var bytes = _chunks[chunk] is { } present && at < present.Length ? present.AsSpan(at) : default;
            var copied = Math.Min(bytes.Length, part.Length);
            bytes[..copied].CopyTo(part);
            part[copied..].Clear();
            done += part.Length;
        }

        return total;
    }

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        if (bytes.IsEmpty)
            return;
        if (offset + bytes.Length > Length)
            SetLength(offset + bytes.Length);
        while (!bytes.IsEmpty)
        {
            var (chunk, at) = Locate(offset);
            var count = Math.Min(bytes.Length, ChunkBytes - at);
            bytes[..count].CopyTo(ChunkFor(chunk, at + count).AsSpan(at));
            bytes = bytes[count..];
            offset += count;
        }
    }

    public void SetLength(long length)
    {
        var count = (int)((length + ChunkBytes - 1) / ChunkBytes);
        if (count < _chunks.Count)
            _chunks.RemoveRange(count, _chunks.Count - count);
        while (_chunks.Count < count)
            _chunks.Add(null);
        if (length < Length && length % ChunkBytes is var at and > 0 && _chunks[^1] is { } last && at < last.Length)
            last.AsSpan((int)at).Clear();
        Length = length;
    }

    private static (int Chunk, int At) Locate(long offset) => ((int)(offset / ChunkBytes), (int)(offset % ChunkBytes));

    private byte[] ChunkFor(int index, int neededBytes)
    {
        var chunk = _chunks[index];
        if (chunk is not null && chunk.Length >= neededBytes)
            return chunk;
        // A file in its first chunk grows by doubling, so that many small files stay small.
        var size = index > 0 ? ChunkBytes : Math.Clamp((int)uint.Min(ChunkBytes, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)neededBytes)), SmallestChunkBytes, ChunkBytes);
        var grown = new byte[size];
        chunk?.CopyTo(grown, 0);
        _chunks[index] = grown;
        return grown;
    }
}
