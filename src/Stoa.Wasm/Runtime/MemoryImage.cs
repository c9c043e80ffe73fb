namespace Stoa.Wasm.Runtime;

/// <summary>The content of a linear memory, without what is zero. Where it can, it lies in a file that new memories map instead of copying it.</summary>
internal sealed class MemoryImage : IDisposable
{
    /// <summary>What is looked at as a whole: a page of most systems.</summary>
    private const int BlockBytes = 4096;

    /// <summary>Longest run that is kept in one piece.</summary>
    private const int MaxRunBytes = 1 << 20;

    private readonly List<(uint Address, byte[] Content)> _runs = [];
    private readonly MemoryFile? _file;
    private long _end;

    private MemoryImage(uint pages, MemoryFile? file)
    {
        Pages = pages;
        _file = file;
    }

    /// <summary>The size of the memory, in pages of 64 KiB.</summary>
    public uint Pages { get; }

    /// <summary>Bytes that are kept.</summary>
    public long Bytes { get; private set; }

    /// <summary>Takes the content of a memory.</summary>
    /// <param name="memory">Nothing may change it meanwhile.</param>
    /// <param name="file">Empty, and from now on the image's: where to keep the content; null: in arrays.</param>
    public static MemoryImage Of(Memory memory, MemoryFile? file)
    {
        var image = new MemoryImage(memory.SizePages, file);
        long size = memory.SizeBytes;
        for (long at = 0; at < size;)
        {
            int length = 0;
            while (length < MaxRunBytes && at + length < size && !IsZero(memory.GetSpan((uint)(at + length), BlockBytes)))
                length += BlockBytes;
            if (length > 0)
                image.Keep((uint)at, memory.GetSpan((uint)at, length));
            at += Math.Max(length, BlockBytes);
        }

        return image;
    }

    /// <summary>Fills a memory of this size, all zero as yet.</summary>
    /// <exception cref="ObjectDisposedException">The image is disposed.</exception>
    public void CopyTo(Memory memory)
    {
        if (_file is not null && _end > 0 && !memory.TryMap(_file, _end))
            Read(_file, memory);
        foreach (var (address, content) in _runs)
            content.CopyTo(memory.GetSpan(address, content.Length));
    }

    public void Dispose() => _file?.Dispose();

    private static bool IsZero(ReadOnlySpan<byte> block) => !block.ContainsAnyExcept((byte)0);

    private void Keep(uint address, ReadOnlySpan<byte> content)
    {
        Bytes += content.Length;
        _end = address + (long)content.Length;
        if (_file is null)
            _runs.Add((address, content.ToArray()));
        else
            _file.Write(content, address);
    }

    /// <summary>What the system does not map is copied.</summary>
    private void Read(MemoryFile file, Memory memory)
    {
        for (long at = 0; at < _end;)
        {
            int read = RandomAccess.Read(file.Handle, memory.GetSpan((uint)at, (int)Math.Min(MaxRunBytes, _end - at)), at);
            at += read > 0 ? read : throw new EndOfStreamException("The image of a memory is shorter than it was.");
        }
    }
}
