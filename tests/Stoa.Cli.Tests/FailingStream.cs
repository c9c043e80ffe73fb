namespace Stoa.Cli.Tests;

/// <summary>An output to which nothing can be written.</summary>
internal sealed class FailingStream(IOException failure) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>As the system says it of a pipe that nobody reads.</summary>
    public static IOException BrokenPipe() => new("Broken pipe", OperatingSystem.IsWindows() ? unchecked((int)0x8007006D) : 32);

    public override void Write(byte[] buffer, int offset, int count) => throw failure;

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
