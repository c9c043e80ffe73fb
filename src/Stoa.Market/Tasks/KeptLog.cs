namespace Stoa.Market.Tasks;

/// <summary>What is kept of a log: its end.</summary>
/// <param name="Bytes">As the agent wrote them to stderr: not necessarily UTF-8.</param>
/// <param name="Start">How many bytes of the log came before them and were not kept.</param>
public readonly record struct KeptLog(ReadOnlyMemory<byte> Bytes, long Start)
{
    /// <summary>Whether nothing was written.</summary>
    public bool IsEmpty => Bytes.IsEmpty;

    /// <summary>The length of the whole log.</summary>
    public long End => Start + Bytes.Length;

    /// <summary>A log that was kept from its beginning on.</summary>
    public static implicit operator KeptLog(ReadOnlyMemory<byte> bytes) => new(bytes, 0);
}
