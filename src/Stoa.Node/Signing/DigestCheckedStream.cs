using Stoa.Node.Http;
using Stoa.Primitives;
using Stoa.Primitives.HttpSignatures;

namespace Stoa.Node.Signing;

/// <summary>The body of a signed request: whoever reads it to its end has read what was signed, or has got an exception in place of the end.</summary>
internal sealed class DigestCheckedStream(Stream body, ContentDigest stated, long? length) : ReadOnlyStream
{
    private readonly ContentDigest.Running _running = stated.Begin();
    private long _read;
    private bool _isChecked;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await body.ReadAsync(buffer, cancellationToken);
        // A read into no buffer waits for bytes; that none came is not the end.
        if (buffer.Length > 0)
            Take(buffer.Span[..count]);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        var got = body.Read(buffer, offset, count);
        if (count > 0)
            Take(buffer.AsSpan(offset, got));
        return got;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _running.Dispose();
        base.Dispose(disposing);
    }

    private void Take(ReadOnlySpan<byte> part)
    {
        if (_isChecked)
            return;
        _running.Add(part);
        _read += part.Length;
        // Some read as many bytes as were announced and never see the end: the last byte is given out once all of them are right.
        if (!part.IsEmpty && _read != length)
            return;
        _isChecked = true;
        if (!_running.Matches())
        {
            throw new RequestRefusedException(
                RequestRefusal.Unauthenticated, "The body is not the one whose Content-Digest was signed. Sign exactly the bytes that you send.");
        }
    }
}
