using System.Text;

namespace Stoa.Market.Tasks;

/// <summary>Keeps the last bytes that were written to it: a program says last why it failed.</summary>
/// <param name="capacity">How many; its memory grows with what is written.</param>
internal sealed class LogTail(int capacity) : WriteOnlyStream
{
    private byte[] ring = [];
    private long written;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > capacity)
        {
            written += buffer.Length - capacity;
            buffer = buffer[^capacity..];
        }

        Grow(buffer.Length);
        while (!buffer.IsEmpty)
        {
            var at = (int)(written % ring.Length);
            var part = Math.Min(buffer.Length, ring.Length - at);
            buffer[..part].CopyTo(ring.AsSpan(at));
            buffer = buffer[part..];
            written += part;
        }
    }

    public override void Flush()
    {
    }

    /// <summary>What is kept, in order.</summary>
    public byte[] ToArray()
    {
        if (written <= ring.Length)
            return ring[..(int)written];
        var at = (int)(written % ring.Length);
        return [.. ring.AsSpan(at), .. ring.AsSpan(0, at)];
    }

    /// <summary>The last bytes as text, from the start of a character on; bytes that are not UTF-8 become U+FFFD.</summary>
    public string ToText(int maxBytes)
    {
        var bytes = ToArray();
        var from = Math.Max(0, bytes.Length - maxBytes);
        while (from > 0 && from < bytes.Length && (bytes[from] & 0xC0) == 0x80)
            from++;
        return Encoding.UTF8.GetString(bytes.AsSpan(from)).Replace('\0', '\uFFFD').TrimEnd();
    }

    /// <summary>Doubles the ring until it holds what is written or is as large as it may be. It only grows while it has not gone round.</summary>
    private void Grow(int more)
    {
        if (ring.Length == capacity || written + more <= ring.Length)
            return;
        var size = Math.Max(256L, ring.Length);
        while (size < written + more)
            size *= 2;
        // A write that skips ahead may begin anywhere in the ring: everything before it is overwritten or unreachable.
        Array.Resize(ref ring, (int)Math.Min(size, capacity));
    }
}
