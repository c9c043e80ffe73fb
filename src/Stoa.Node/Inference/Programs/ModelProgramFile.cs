namespace Stoa.Node.Inference.Programs;

/// <summary>The file of a model that is a program.</summary>
internal static class ModelProgramFile
{
    /// <summary>The most bytes of one: it is in the node's memory as long as it is served.</summary>
    public const int MostBytes = 256 << 20;

    private static ReadOnlySpan<byte> Magic => "\0asm"u8;

    /// <summary>Whether a file begins as WebAssembly does. What cannot be read does not.</summary>
    public static bool IsOne(string path)
    {
        Span<byte> begin = stackalloc byte[4];
        try
        {
            using var file = File.OpenRead(path);
            return file.ReadAtLeast(begin, begin.Length, throwOnEndOfStream: false) == begin.Length && begin.SequenceEqual(Magic);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            // Whoever reads it as something else says what is wrong with it.
            return false;
        }
    }

    /// <summary>All of it, in one reading: what is hashed is what runs, whatever becomes of the file.</summary>
    /// <exception cref="IOException">It cannot be read, or is longer than <see cref="MostBytes"/>.</exception>
    public static async Task<byte[]> ReadAsync(string path, CancellationToken cancellationToken)
    {
        var length = new FileInfo(path).Length;
        return length <= MostBytes
            ? await File.ReadAllBytesAsync(path, cancellationToken)
            : throw new IOException($"{path} has {length:N0} bytes, and a program that is a model {MostBytes:N0} at most. Serve larger models by a server of their own.");
    }
}
