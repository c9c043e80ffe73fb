using Stoa.Primitives;

namespace Stoa.Cli.Tests;

/// <summary>An output to which nothing can be written.</summary>
internal sealed class FailingStream(IOException failure) : WriteOnlyStream
{
    /// <summary>As the system says it of a pipe that nobody reads.</summary>
    public static IOException BrokenPipe() => new("Broken pipe", OperatingSystem.IsWindows() ? unchecked((int)0x8007006D) : 32);

    public override void Write(ReadOnlySpan<byte> buffer) => throw failure;

    public override void Flush()
    {
    }
}
