using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    private const string BytesMediaType = "application/octet-stream";

    /// <summary>Stores content. What can be read twice goes by <c>PUT /api/v1/blobs/{digest}</c>, and not at all when it is there
    /// already; other streams go by <c>POST /api/v1/blobs</c> in one attempt.</summary>
    /// <param name="content">From its position to its end.</param>
    /// <param name="progress">Told of the bytes sent.</param>
    /// <param name="cancellationToken">Stops the upload; nothing is stored then.</param>
    /// <exception cref="ContentMismatchException">The node says that other bytes arrived.</exception>
    public async Task<BlobResponse> UploadAsync(
        Stream content, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (!content.CanSeek)
            return await UploadUnseekableAsync(content, progress, cancellationToken);
        var source = new UploadSource(content, progress);
        var digest = (await ContentHash.OfAsync(content, cancellationToken)).ToString();
        if (await FindBlobAsync(digest, cancellationToken) is { } known)
        {
            progress?.Report(new TransferProgress(known.SizeBytes, known.SizeBytes));
            return known;
        }

        // With 100-continue a refusal comes before the bytes are sent rather than after.
        var call = new Call(HttpMethod.Put, $"blobs/{digest}", () => source.Open(BytesMediaType))
        {
            Prepare = request => request.Headers.ExpectContinue = true,
            BodyHash = ContentHash.Parse(digest),
        };
        return await SendAsync(call, StoaJson.Default.BlobResponse, cancellationToken);
    }

    /// <summary><c>HEAD /api/v1/blobs/{digest}</c>; null when it is not there, or not the caller's to read.</summary>
    public async Task<BlobResponse?> FindBlobAsync(string digest, CancellationToken cancellationToken = default)
    {
        try
        {
            using var response = await SendAsync(new Call(HttpMethod.Head, $"blobs/{digest}"), cancellationToken);
            return new BlobResponse(digest, response.Content.Headers.ContentLength ?? 0);
        }
        catch (StoaException refusal) when (refusal.Problem.Status == (int)HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary><c>GET /api/v1/blobs/{digest}</c>, verified. A broken connection is taken up where it broke.</summary>
    /// <exception cref="ContentMismatchException">Other bytes came; they have been written to the destination.</exception>
    public Task DownloadBlobAsync(
        string digest, Stream destination, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default) =>
        DownloadAsync($"blobs/{digest}", digest, destination, progress, cancellationToken);

    /// <summary><c>GET /api/v1/blobs</c>: the caller's own content, the largest first, all pages.</summary>
    public IAsyncEnumerable<BlobResponse> ListBlobsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("blobs", StoaJson.Default.ListResponseBlobResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/blobs/{digest}</c>: gives content of the caller's up, for good.</summary>
    public Task DeleteBlobAsync(string digest, CancellationToken cancellationToken = default) =>
        DoAsync(new Call(HttpMethod.Delete, $"blobs/{digest}"), cancellationToken);

    private async Task<BlobResponse> UploadUnseekableAsync(
        Stream content, IProgress<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var hashed = new HashingStream(content, hash);
        var body = new UploadSource(hashed, progress);
        var stored = await SendAsync(
            Call.Making("blobs", () => body.Open(BytesMediaType)) with { IsBodyRepeatable = false },
            StoaJson.Default.BlobResponse,
            cancellationToken);
        var sent = ContentHash.FromBytes(hash.GetHashAndReset()).ToString();
        return sent == stored.Digest ? stored : throw new ContentMismatchException(sent, stored.Digest);
    }

    private async Task DownloadAsync(
        string path, string digest, Stream destination, IProgress<TransferProgress>? progress, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long received = 0;
        for (var attempt = 1; ; attempt++)
        {
            var offset = received;
            using var response = await SendAsync(
                new Call(HttpMethod.Get, path)
                {
                    Prepare = request => request.Headers.Range = offset == 0 ? null : new RangeHeaderValue(offset, null),
                },
                cancellationToken);
            if (offset > 0 && response.StatusCode != HttpStatusCode.PartialContent)
                throw new NodeUnreachableException(
                    Options.Address, new IOException($"the download broke off after {offset} bytes and is not continued."));
            try
            {
                var total = response.Content.Headers.ContentLength + offset;
                await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
                await foreach (var part in ReadPartsAsync(body, cancellationToken))
                {
                    hash.AppendData(part.Span);
                    await destination.WriteAsync(part, cancellationToken);
                    received += part.Length;
                    progress?.Report(new TransferProgress(received, total));
                }

                break;
            }
            catch (NodeUnreachableException) when (attempt < Options.MaxAttempts)
            {
                await PauseAsync(attempt, asked: null, cancellationToken);
            }
        }

        var actual = ContentHash.FromBytes(hash.GetHashAndReset()).ToString();
        if (actual != digest)
            throw new ContentMismatchException(digest, actual);
    }

    private async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadPartsAsync(
        Stream body, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var buffer = new byte[128 * 1024];
        while (true)
        {
            int read;
            try
            {
                read = await body.ReadAsync(buffer, cancellationToken);
            }
            catch (IOException broken)
            {
                throw new NodeUnreachableException(Options.Address, broken);
            }

            if (read == 0)
                yield break;
            yield return buffer.AsMemory(0, read);
        }
    }
}
