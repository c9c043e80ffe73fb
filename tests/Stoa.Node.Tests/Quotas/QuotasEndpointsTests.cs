using System.Net;
using System.Net.Http.Headers;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Quotas;

/// <summary>A consumer on a node where little may be taken up.</summary>
public sealed class QuotasEndpointsTests : IAsyncLifetime
{
    private const int ContentBytes = 10_000;

    private TestNode _node = null!;
    private StoaClient _consumer = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Tasks:Workers", "1", "--Quotas:OpenTasks", "2", "--Quotas:ContentBytes", $"{ContentBytes}");
        _consumer = await _node.JoinAsync("ada");
        await _node.Client.DepositAsync(new DepositRequest("ada", "5"), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _consumer.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task OpenTasks_AboveTheLimit_AreRefusedUntilSomeHaveEnded()
    {
        var later = new SubmitTaskRequest(
            await _node.PublishAsync("echo", GuestPrograms.Echo), new TaskInputBody(Text: "hello"), DueAt: DateTimeOffset.UtcNow.AddHours(1));
        var first = await _consumer.SubmitAsync(later, cancellationToken: Stop);
        await _consumer.SubmitAsync(later, cancellationToken: Stop);

        var refused = await Should.ThrowAsync<StoaException>(() => _consumer.SubmitAsync(later, cancellationToken: Stop));
        (refused.Code, refused.Problem.Status).ShouldBe(("openTasksTooMany", 429));
        (await Should.ThrowAsync<StoaException>(() => _consumer.SubmitBatchAsync(new SubmitBatchRequest([later]), cancellationToken: Stop))).Code.ShouldBe("openTasksTooMany");
        (await _consumer.GetQuotaAsync(Stop)).ShouldBe(new QuotaResponse("ada", 2, 2, 0, ContentBytes));

        await _consumer.CancelTaskAsync(first.Id, Stop);
        (await _consumer.SubmitAsync(later, cancellationToken: Stop)).State.ShouldBe("queued");
        await _node.Client.SetQuotaAsync("ada", new SetQuotaRequest(MaxOpenTasks: 3), Stop);
        (await _consumer.SubmitAsync(later, cancellationToken: Stop)).State.ShouldBe("queued");
        (await _node.Client.GetQuotaAsync("ada", Stop)).ShouldBe(new QuotaResponse("ada", 3, 3, 0, ContentBytes));
    }

    [Fact]
    public async Task Refusal_SaysWhenToTryAgain()
    {
        await _node.Client.SetQuotaAsync("ada", new SetQuotaRequest(MaxOpenTasks: 0), Stop);
        var listing = await _node.PublishAsync("echo", GuestPrograms.Echo);
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _consumer.Options.ApiKey);

        using var response = await http.PostAsync(
            "/api/v1/tasks", new StringContent($$"""{ "agent": "{{listing}}", "input": { "text": "x" } }""", System.Text.Encoding.UTF8, "application/json"), Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.TooManyRequests);
        response.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(5));
        (await RunningNode.ReadProblemAsync(response)).Code.ShouldBe("openTasksTooMany");
    }

    [Fact]
    public async Task Content_AboveTheLimit_IsRefusedHoweverItComes()
    {
        await _consumer.UploadAsync(new MemoryStream(Bytes(7_000, 1)), cancellationToken: Stop);

        (await RefusedAsync(new MemoryStream(Bytes(3_001, 2)))).ShouldBe(("storageQuotaExceeded", 507));
        (await PostChunkedAsync(Bytes(3_001, 3))).ShouldBe(507);
        (await PostChunkedAsync(Bytes(2_000, 4))).ShouldBe(201);
        await _consumer.UploadAsync(new MemoryStream(Bytes(7_000, 1)), cancellationToken: Stop);
        (await _consumer.GetQuotaAsync(Stop)).ContentBytes.ShouldBe(9_000, "the same again takes no more room");
        await _node.Client.SetQuotaAsync("ada", new SetQuotaRequest(MaxContentBytes: 20_000), Stop);
        await _consumer.UploadAsync(new MemoryStream(Bytes(3_001, 2)), cancellationToken: Stop);
    }

    [Fact]
    public async Task Programs_CountForTheirPublisher()
    {
        await _node.PublishAsync("echo", GuestPrograms.Echo);

        (await _node.Client.GetQuotaAsync(Stop)).ContentBytes.ShouldBe(GuestPrograms.Echo.Length);
        await _node.Client.SetQuotaAsync("stoa", new SetQuotaRequest(MaxContentBytes: GuestPrograms.Echo.Length), Stop);
        (await Should.ThrowAsync<StoaException>(() => _node.PublishAsync("another", GuestPrograms.Echo))).Code.ShouldBe("storageQuotaExceeded");
    }

    [Fact]
    public async Task Quota_IsSetByAdministratorsOnly()
    {
        (await Should.ThrowAsync<StoaException>(() => _consumer.SetQuotaAsync("ada", new SetQuotaRequest(1_000), Stop))).Problem.Status.ShouldBe(403);
        (await Should.ThrowAsync<StoaException>(() => _consumer.GetQuotaAsync("stoa", Stop))).Problem.Status.ShouldBe(403);
        (await Should.ThrowAsync<StoaException>(() => _node.Client.SetQuotaAsync("nobody", new SetQuotaRequest(1), Stop))).Code.ShouldBe("userUnknown");
        var wrong = await Should.ThrowAsync<StoaException>(() => _node.Client.SetQuotaAsync("ada", new SetQuotaRequest(-1, long.MaxValue), Stop));
        wrong.Problem.Errors!.Select(error => error.Pointer).ShouldBe(["/maxOpenTasks", "/maxContentBytes"]);
    }

    private static byte[] Bytes(int count, byte value) => [.. Enumerable.Repeat(value, count)];

    private async Task<(string Code, int Status)> RefusedAsync(Stream content)
    {
        var refused = await Should.ThrowAsync<StoaException>(() => _consumer.UploadAsync(content, cancellationToken: Stop));
        return (refused.Code, refused.Problem.Status);
    }

    /// <summary>Uploads bytes without saying how many there are.</summary>
    private async Task<int> PostChunkedAsync(byte[] bytes)
    {
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/blobs") { Content = new StreamContent(new MemoryStream(bytes)) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _consumer.Options.ApiKey);
        request.Headers.TransferEncodingChunked = true;
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        using var response = await http.SendAsync(request, Stop);
        return (int)response.StatusCode;
    }
}
