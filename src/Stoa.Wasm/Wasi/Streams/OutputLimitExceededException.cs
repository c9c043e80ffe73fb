namespace Stoa.Wasm.Wasi.Streams;

/// <summary>A guest wrote more to an output than it may. It ends the guest, as a trap does.</summary>
public sealed class OutputLimitExceededException : Exception
{
    /// <summary>Makes the exception.</summary>
    public OutputLimitExceededException(long maxBytes)
        : base($"The guest wrote more than the {maxBytes} bytes that its output may hold.")
    {
        MaxBytes = maxBytes;
    }

    /// <summary>The limit.</summary>
    public long MaxBytes { get; }
}
