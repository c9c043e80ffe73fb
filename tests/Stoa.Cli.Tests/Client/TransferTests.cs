using System.Text;
using Microsoft.AspNetCore.Http;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Tests.Client;

public sealed class TransferTests : IAsyncLifetime
{
    private const string Content = "some bytes";
    private static readonly string s_digest = Samples.Digest(Content);

    private FakeNode _node = null!;
    private StoaClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await FakeNode.StartAsync();
        _client = new StoaClient(new StoaClientOptions { Address = _node.Address, RetryDelay = TimeSpan.FromMilliseconds(1) });
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Upload_OfWhatTheNodeHas_SendsNothing()
    {
        _node.On($"HEAD /api/v1/blobs/{s_digest}", 200);

        (await _client.UploadAsync(Bytes(Content), cancellationToken: Cancellation)).Digest.ShouldBe(s_digest);

        _node.Seen.Single().Method.ShouldBe("HEAD");
    }

    [Fact]
    public async Task Upload_BrokenOnce_IsSentAgainFromItsStart()
    {
        _node.On($"HEAD /api/v1/blobs/{s_digest}", 404)
            .On($"PUT /api/v1/blobs/{s_digest}", 503, Samples.Problem(503, "busy"))
            .On($"PUT /api/v1/blobs/{s_digest}", 201, $$"""{"digest":"{{s_digest}}","sizeBytes":10}""");
        var sent = new List<long>();

        await _client.UploadAsync(Bytes(Content), new Watcher(transfer => sent.Add(transfer.BytesDone)), Cancellation);

        _node.SeenOf($"PUT /api/v1/blobs/{s_digest}").Select(request => request.Text).ShouldBe([Content, Content]);
        sent.ShouldBe([10, 10]);
    }

    [Fact]
    public async Task Upload_OfAStreamThatReadsOnce_IsHashedOnItsWay()
    {
        _node.On("POST /api/v1/blobs", 201, $$"""{"digest":"{{s_digest}}","sizeBytes":10}""");

        (await _client.UploadAsync(new ReadOnce(Bytes(Content)), cancellationToken: Cancellation)).Digest.ShouldBe(s_digest);

        _node.Seen.Single().Text.ShouldBe(Content);
    }

    [Fact]
    public async Task Upload_ArrivedDamaged_IsNoticed()
    {
        _node.On("POST /api/v1/blobs", 201, $$"""{"digest":"{{Samples.Digest("other")}}","sizeBytes":5}""");

        var failure = await Should.ThrowAsync<ContentMismatchException>(_client.UploadAsync(new ReadOnce(Bytes(Content)), cancellationToken: Cancellation));

        failure.Expected.ShouldBe(s_digest);
    }

    [Fact]
    public async Task Download_BrokenInTheMiddle_IsTakenUpThere()
    {
        var firstPartArrived = new TaskCompletionSource();
        _node.On($"GET /api/v1/blobs/{s_digest}", async context =>
            {
                context.Response.ContentLength = Content.Length;
                await context.Response.WriteAsync(Content[..4]);
                await context.Response.Body.FlushAsync();
                await firstPartArrived.Task;
                context.Abort();
            })
            .On($"GET /api/v1/blobs/{s_digest}", async context =>
            {
                context.Response.StatusCode = 206;
                await context.Response.WriteAsync(Content[int.Parse(context.Request.Headers.Range.ToString()["bytes=".Length..^1])..]);
            });
        using var destination = new MemoryStream();

        await _client.DownloadBlobAsync(s_digest, destination, new Watcher(_ => firstPartArrived.TrySetResult()), Cancellation);

        Encoding.UTF8.GetString(destination.ToArray()).ShouldBe(Content);
        _node.Seen.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Download_OfOtherBytes_IsNoticed()
    {
        _node.On($"GET /api/v1/blobs/{s_digest}", context => context.Response.WriteAsync("other bytes"));

        await Should.ThrowAsync<ContentMismatchException>(_client.DownloadBlobAsync(s_digest, Stream.Null, cancellationToken: Cancellation));
    }

    [Theory]
    [InlineData(0, true, true)]
    [InlineData(StoaClient.MaxInlineInputBytes, true, true)]
    [InlineData(StoaClient.MaxInlineInputBytes, false, true)]
    [InlineData(StoaClient.MaxInlineInputBytes + 1, true, false)]
    [InlineData(StoaClient.MaxInlineInputBytes + 1, false, false)]
    public async Task Input_BySize_IsInlineOrUploaded(int length, bool canSeek, bool isInline)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill((byte)'x');
        var digest = Stoa.Primitives.ContentHash.Of(bytes).ToString();
        _node.On($"PUT /api/v1/blobs/{digest}", 201, $$"""{"digest":"{{digest}}","sizeBytes":{{length}}}""")
            .On("POST /api/v1/blobs", 201, $$"""{"digest":"{{digest}}","sizeBytes":{{length}}}""");
        Stream input = canSeek ? new MemoryStream(bytes) : new ReadOnce(new MemoryStream(bytes));

        var prepared = await _client.PrepareInputAsync(input, cancellationToken: Cancellation);

        prepared.ShouldBe(isInline ? new TaskInputBody(Base64: Convert.ToBase64String(bytes)) : new TaskInputBody(Digest: digest));
        _node.Seen.Count(request => request.Body.AsSpan().SequenceEqual(bytes) && request.Method != "HEAD").ShouldBe(isInline ? 0 : 1);
    }

    private static MemoryStream Bytes(string text) => new(Encoding.UTF8.GetBytes(text));

    private sealed class Watcher(Action<TransferProgress> see) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => see(value);
    }

    private sealed class ReadOnce(Stream inner) : ReadOnlyStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(buffer, cancellationToken);
    }
}
