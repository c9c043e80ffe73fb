using System.Text;
using Microsoft.AspNetCore.Http;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Tests.Client;

public sealed class TransferTests : FakeNodeClientTest
{
    private const string Content = "some bytes";
    private static readonly string s_digest = Samples.Digest(Content);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Upload_OfWhatTheNodeHas_SendsNothing()
    {
        Node.On($"HEAD /api/v1/blobs/{s_digest}", 200);

        (await Client.UploadAsync(Bytes(Content), cancellationToken: Cancellation)).Digest.ShouldBe(s_digest);

        Node.Seen.Single().Method.ShouldBe("HEAD");
    }

    [Fact]
    public async Task Upload_BrokenOnce_IsSentAgainFromItsStart()
    {
        Node.On($"HEAD /api/v1/blobs/{s_digest}", 404)
            .On($"PUT /api/v1/blobs/{s_digest}", 503, Samples.Problem(503, "busy"))
            .On($"PUT /api/v1/blobs/{s_digest}", 201, $$"""{"digest":"{{s_digest}}","sizeBytes":10}""");
        var sent = new List<long>();

        await Client.UploadAsync(Bytes(Content), new Watcher(transfer => sent.Add(transfer.BytesDone)), Cancellation);

        Node.SeenOf($"PUT /api/v1/blobs/{s_digest}").Select(request => request.Text).ShouldBe([Content, Content]);
        sent.ShouldBe([10, 10]);
    }

    [Fact]
    public async Task Upload_OfAStreamThatReadsOnce_IsHashedOnItsWay()
    {
        Node.On("POST /api/v1/blobs", 201, $$"""{"digest":"{{s_digest}}","sizeBytes":10}""");

        (await Client.UploadAsync(new ReadOnce(Bytes(Content)), cancellationToken: Cancellation)).Digest.ShouldBe(s_digest);

        Node.Seen.Single().Text.ShouldBe(Content);
    }

    [Fact]
    public async Task Upload_ArrivedDamaged_IsNoticed()
    {
        Node.On("POST /api/v1/blobs", 201, $$"""{"digest":"{{Samples.Digest("other")}}","sizeBytes":5}""");

        var failure = await Should.ThrowAsync<ContentMismatchException>(Client.UploadAsync(new ReadOnce(Bytes(Content)), cancellationToken: Cancellation));

        failure.Expected.ShouldBe(s_digest);
    }

    [Fact]
    public async Task Download_BrokenInTheMiddle_IsTakenUpThere()
    {
        var firstPartArrived = new TaskCompletionSource();
        Node.On($"GET /api/v1/blobs/{s_digest}", async context =>
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

        await Client.DownloadBlobAsync(s_digest, destination, new Watcher(_ => firstPartArrived.TrySetResult()), Cancellation);

        Encoding.UTF8.GetString(destination.ToArray()).ShouldBe(Content);
        Node.Seen.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Download_OfOtherBytes_IsNoticed()
    {
        Node.On($"GET /api/v1/blobs/{s_digest}", context => context.Response.WriteAsync("other bytes"));

        await Should.ThrowAsync<ContentMismatchException>(Client.DownloadBlobAsync(s_digest, Stream.Null, cancellationToken: Cancellation));
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
        Node.On($"PUT /api/v1/blobs/{digest}", 201, $$"""{"digest":"{{digest}}","sizeBytes":{{length}}}""")
            .On("POST /api/v1/blobs", 201, $$"""{"digest":"{{digest}}","sizeBytes":{{length}}}""");
        Stream input = canSeek ? new MemoryStream(bytes) : new ReadOnce(new MemoryStream(bytes));

        var prepared = await Client.PrepareInputAsync(input, cancellationToken: Cancellation);

        prepared.ShouldBe(isInline ? new TaskInputBody(Base64: Convert.ToBase64String(bytes)) : new TaskInputBody(Digest: digest));
        Node.Seen.Count(request => request.Body.AsSpan().SequenceEqual(bytes) && request.Method != "HEAD").ShouldBe(isInline ? 0 : 1);
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
