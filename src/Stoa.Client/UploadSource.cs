using System.Net;
using System.Net.Http.Headers;

namespace Stoa.Client;

/// <summary>A stream that goes out as a body: from its first position again in each attempt, where it can be sought.</summary>
internal sealed class UploadSource(Stream content, IProgress<TransferProgress>? progress)
{
    private readonly long _start = content.CanSeek ? content.Position : 0;

    public bool IsRepeatable => content.CanSeek;

    public long? SizeBytes => content.CanSeek ? content.Length - _start : null;

    public HttpContent Open(string mediaType)
    {
        if (content.CanSeek)
            content.Position = _start;
        return new Body(content, SizeBytes, progress, mediaType);
    }

    private sealed class Body : HttpContent
    {
        private const int BufferBytes = 128 * 1024;
        private readonly Stream _content;
        private readonly long? _sizeBytes;
        private readonly IProgress<TransferProgress>? _progress;

        public Body(Stream content, long? sizeBytes, IProgress<TransferProgress>? progress, string mediaType)
        {
            (_content, _sizeBytes, _progress) = (content, sizeBytes, progress);
            Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(
            Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            var buffer = new byte[BufferBytes];
            long sent = 0;
            int read;
            while ((read = await _content.ReadAsync(buffer, cancellationToken)) > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                sent += read;
                _progress?.Report(new TransferProgress(sent, _sizeBytes));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _sizeBytes ?? 0;
            return _sizeBytes is not null;
        }
    }
}
