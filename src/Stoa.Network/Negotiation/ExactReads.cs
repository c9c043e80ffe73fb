namespace Stoa.Network.Negotiation;

/// <summary>Reads that are whole or fail.</summary>
internal static class ExactReads
{
    /// <summary>Fills a buffer.</summary>
    /// <remarks><see cref="Stream.ReadExactlyAsync(Memory{byte}, CancellationToken)"/> may go on in another thread, and a simulation has only one.</remarks>
    /// <exception cref="EndOfStreamException">The stream ends before.</exception>
    public static async ValueTask FillAsync(this Stream stream, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (!buffer.IsEmpty)
        {
            var read = await stream.ReadAsync(buffer, cancellationToken);
            if (read == 0)
                throw new EndOfStreamException("The other side ended before it had said all.");
            buffer = buffer[read..];
        }
    }
}
