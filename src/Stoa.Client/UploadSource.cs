using System.Net;
using System.Net.Http.Headers;

namespace Stoa.Client;

/// <summary>A stream that goes out as a body: from its first position again in each attempt, where it can be sought.</summary>
internal sealed class UploadSource(Stream content, IProgress<TransferProgress>? progress)
{
    private readonly long start = content.CanSeek ? content.Position : 0;

    public bool IsRepeatable => content.CanSeek;

    public long? SizeBytes => content.CanSeek ? content.Length - start : null;

    public HttpContent Open(string mediaType)
    {
        if (content.CanSeek)
            content.Position = start;
        return new Body(content, SizeBytes, progress, mediaType);
    }

    private sealed class Body : HttpContent
    {
        private const int BufferBytes = 128 * 1024;
        private readonly Stream content;
        private readonly long? sizeBytes;
        private readonly IProgress<TransferProgress>? progress;

        public Body(Stream content, long? sizeBytes, IProgress<TransferProgress>? progress, string mediaType)
        {
            (this.content, this.sizeBytes, this.progress) = (content, sizeBytes, progress);
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
            while ((read = await content.ReadAsync(buffer, cancellationToken)) > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                sent += read;
                progress?.Report(new TransferProgress(sent, sizeBytes));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = sizeBytes ?? 0;
            return sizeBytes is not null;
        }
    }
}
