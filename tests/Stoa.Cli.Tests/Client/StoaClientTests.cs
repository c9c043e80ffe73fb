using System.Text;
using Stoa.Client;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Tests.Client;

public sealed class StoaClientTests() : FakeNodeClientTest(new StoaClientOptions { ApiKey = "stoa_secret" })
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(503)]
    [InlineData(429)]
    [InlineData(502)]
    [InlineData(504)]
    public async Task Read_NodeFailsForAMoment_IsRepeated(int status)
    {
        Node.On("GET /api/v1/wallet", status, Samples.Problem(status, "busy"))
            .On("GET /api/v1/wallet", 200, """{"accountId":"a","posted":"1.000000000","held":"0.000000000","available":"1.000000000"}""");

        (await Client.GetWalletAsync(Cancellation)).Available.ShouldBe("1.000000000");

        Node.SeenOf("GET /api/v1/wallet").Count.ShouldBe(2);
        Node.Seen.ShouldAllBe(request => request.Headers["Authorization"] == "Bearer stoa_secret");
    }

    [Fact]
    public async Task Submission_NodeFailsForAMoment_IsRepeatedUnderTheSameKey()
    {
        Node.On("POST /api/v1/tasks", 503, Samples.Problem(503, "busy")).On("POST /api/v1/tasks", 202, Samples.Task("queued"));

        (await Client.SubmitTextAsync("stoa/upper", "hi", cancellationToken: Cancellation)).State.ShouldBe("queued");

        var keys = Node.SeenOf("POST /api/v1/tasks").Select(request => request.Headers["Idempotency-Key"]).ToList();
        keys.Count.ShouldBe(2);
        keys.Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Submission_ThatTheNodeStillWorksOn_IsRepeatedUntilItIsAnswered()
    {
        Node.On("POST /api/v1/batches", 409, Samples.Problem(409, "idempotencyKeyBusy"), ("Retry-After", "0"))
            .On("POST /api/v1/batches", 202, """{"id":"batch_1","size":0,"queued":0,"running":0,"succeeded":0,"failed":0,"cancelled":0,"cost":"0","createdAt":"2026-06-01T00:00:00.000Z"}""");

        (await Client.SubmitBatchAsync(new SubmitBatchRequest([]), cancellationToken: Cancellation)).Id.ShouldBe("batch_1");

        Node.SeenOf("POST /api/v1/batches").Select(request => request.Headers["Idempotency-Key"]).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Submission_OfItsOwn_HasAKeyOfItsOwn()
    {
        Node.On("POST /api/v1/tasks", 202, Samples.Task("queued"));

        await Client.SubmitTextAsync("stoa/upper", "hi", cancellationToken: Cancellation);
        await Client.SubmitTextAsync("stoa/upper", "hi", cancellationToken: Cancellation);

        Node.SeenOf("POST /api/v1/tasks").Select(request => request.Headers["Idempotency-Key"]).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task Refusal_WithProblemDetails_CarriesThemAndIsNotRepeated()
    {
        Node.On("POST /api/v1/tasks", 402, Samples.Problem(402, "insufficientFunds", "add 0.5"));

        var refusal = await Should.ThrowAsync<StoaException>(Client.SubmitTextAsync("stoa/upper", "hi", cancellationToken: Cancellation));

        refusal.Code.ShouldBe("insufficientFunds");
        refusal.Message.ShouldBe("add 0.5");
        refusal.Problem.Errors!.Single().ShouldBe(new ProblemError("/price/base", "is negative"));
        Node.Seen.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData(404, "<html>not here</html>")]
    [InlineData(200, "<html>welcome</html>")]
    [InlineData(500, "")]
    public async Task Answer_NotOfANode_IsSaidToBeSo(int status, string body)
    {
        Node.On("GET /api/v1/node", status, body);

        (await Should.ThrowAsync<StoaException>(Client.GetNodeAsync(Cancellation))).Code.ShouldBe("notANode");
    }

    [Theory]
    [InlineData(401, "unauthenticated")]
    [InlineData(403, "forbidden")]
    [InlineData(410, "unexplained")]
    public async Task AnswerToHead_WhichHasNoBody_IsSaidByItsStatus(int status, string code)
    {
        Node.On("HEAD /api/v1/blobs/sha256:0", status, "");

        var refusal = await Should.ThrowAsync<StoaException>(Client.FindBlobAsync("sha256:0", Cancellation));

        (refusal.Code, refusal.Problem.Status).ShouldBe((code, status));
        refusal.Message.ShouldNotContain("Is there a Stoa node");
    }

    [Fact]
    public async Task Node_ThatIsNotThere_IsUnreachable()
    {
        var address = Node.Address;
        await Node.DisposeAsync();

        var failure = await Should.ThrowAsync<NodeUnreachableException>(Client.GetNodeAsync(Cancellation));

        failure.Address.ShouldBe(address);
    }

    [Fact]
    public async Task Wait_AskedForIsTooLong_IsNotDone()
    {
        Node.On("GET /api/v1/wallet", 429, Samples.Problem(429, "tooManyRequests"), ("Retry-After", "3600"));

        (await Should.ThrowAsync<StoaException>(Client.GetWalletAsync(Cancellation))).Code.ShouldBe("tooManyRequests");

        Node.Seen.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Cancellation_OfTheCaller_IsACancellation()
    {
        using var stop = new CancellationTokenSource();
        Node.On("GET /api/v1/node", async context =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });

        await Should.ThrowAsync<OperationCanceledException>(Client.GetNodeAsync(stop.Token));
    }

    [Fact]
    public async Task List_OfSeveralPages_IsWalkedThrough()
    {
        Node.On("GET /api/v1/tasks?state=failed", 200, $$"""{"items":[{{Samples.Task("failed")}}],"nextCursor":"a b"}""")
            .On("GET /api/v1/tasks?state=failed&cursor=a%20b", 200, $$"""{"items":[{{Samples.Task("failed")}}]}""");

        (await Client.ListTasksAsync("failed", Cancellation).CountAsync(Cancellation)).ShouldBe(2);
    }

    [Fact]
    public async Task Publication_SendsManifestAndProgramAsTheyAre()
    {
        Node.On("POST /api/v1/agents/upload", 422, Samples.Problem(422, "manifestInvalid"));

        await Should.ThrowAsync<StoaException>(Client.PublishAgentAsync(
            Encoding.UTF8.GetBytes("""{ "name" :  1}"""), new MemoryStream(Encoding.UTF8.GetBytes("\0asm")), cancellationToken: Cancellation));

        var sent = Node.Seen.Single();
        sent.Headers["Content-Type"].ShouldStartWith("multipart/form-data");
        sent.Headers.ContainsKey("Idempotency-Key").ShouldBeTrue();
        sent.Text.ShouldContain("""{ "name" :  1}""");
        sent.Text.ShouldContain("name=program");
        sent.Text.ShouldContain("application/wasm");
        sent.Text.ShouldContain("\0asm");
    }
}
