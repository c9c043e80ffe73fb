using System.Net;
using System.Net.Http.Headers;
using Stoa.Primitives;

namespace Stoa.Client;

/// <summary>The input of a call, read from its beginning each time that it has to be sent; one above <see cref="StoaClient.MaxInlineInputBytes"/> is sent when the call is paid for, and only if the node needs it.</summary>
/// <param name="Digest">SHA-256 of the bytes.</param>
/// <param name="SizeBytes">Their number.</param>
/// <param name="Open">Opens them at their beginning.</param>
public sealed record CallInput(ContentHash Digest, long SizeBytes, Func<CancellationToken, Task<Stream>> Open)
{
    /// <summary>Whether it is announced before it is sent.</summary>
    internal bool IsLong => SizeBytes > StoaClient.MaxInlineInputBytes;

    /// <summary>Bytes in memory.</summary>
    public static CallInput Of(ReadOnlyMemory<byte> bytes)
    {
        var held = bytes.ToArray();
        return new CallInput(ContentHash.Of(held), held.Length, _ => Task.FromResult<Stream>(new MemoryStream(held, writable: false)));
    }

    internal HttpContent ToBody() => new Body(this);

    private sealed class Body : HttpContent
    {
        private const int BufferBytes = 128 * 1024;
        private readonly CallInput _input;

        public Body(CallInput input)
        {
            _input = input;
            Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await using var bytes = await _input.Open(cancellationToken);
            await bytes.CopyToAsync(stream, BufferBytes, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _input.SizeBytes;
            return true;
        }
    }
}
