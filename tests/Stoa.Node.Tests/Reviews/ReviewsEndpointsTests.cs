using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Reviews;

/// <summary>A consumer and a publisher, and what they say to each other.</summary>
[Trait("speed", "slow")]
public sealed class ReviewsEndpointsTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StoaClient _consumer = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Tasks:Workers", "2");
        _consumer = await _node.JoinAsync("ada");
        await _node.Client.DepositAsync(new DepositRequest("ada", "5"), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _consumer.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Review_IsWrittenReadAnsweredAndWithdrawn()
    {
        var task = await RunAsync(await _node.PublishAsync("echo", GuestPrograms.Echo));
        var agent = AgentReference.Parse(task.Agent);

        var written = await _consumer.ReviewTaskAsync(task.Id, 4, "Echoes well.", Stop);

        written.ShouldSatisfyAllConditions(
            review => (review.Version, review.Agent).ShouldBe((task.Agent, task.Agent.Split('@')[0])),
            review => (review.Stars, review.Text, review.Reviewer, review.TaskId).ShouldBe((4, "Echoes well.", "ada", task.Id)),
            review => (review.ChangedAt, review.Answer).ShouldBe((null, null)));
        (await _consumer.GetTaskReviewAsync(task.Id, Stop)).ShouldBe(written);
        (await _consumer.ListReviewsAsync(Stop).ToListAsync(Stop)).ShouldBe([written]);
        (await _consumer.ReviewTaskAsync(task.Id, 4, "Echoes well.", Stop)).ShouldBe(written, "a repetition changes nothing");
        using (var anonymous = new StoaClient(_node.Client.Options with { ApiKey = null }))
        {
            var page = await anonymous.GetAgentReviewsAsync(agent, cancellationToken: Stop);
            page.Items.ShouldBe([written with { TaskId = null }], "the task is its author's own");
            (page.Rating.Count, page.Rating.Average, page.Rating.Histogram["4"], page.Rating.Histogram["5"]).ShouldBe((1, 4.0, 1, 0));
            (await anonymous.ListAgentReviewsAsync(agent, stars: 5, cancellationToken: Stop).ToListAsync(Stop)).ShouldBeEmpty();
            (await anonymous.GetReviewAsync(written.Id, Stop)).ShouldBe(written with { TaskId = null });
        }

        (await Should.ThrowAsync<StoaException>(() => _consumer.AnswerReviewAsync(written.Id, "Me too.", Stop))).Code.ShouldBe("notThePublisher");
        (await _node.Client.AnswerReviewAsync(written.Id, "Thank you.", Stop)).Answer!.Text.ShouldBe("Thank you.");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.AnswerReviewAsync(written.Id, "Thanks.", Stop))).Code.ShouldBe("reviewAnswered");
        (await FirstEventAsync(_node.Client, "stoa.review.written")).Data.GetProperty("text").GetString().ShouldBe("Echoes well.");
        (await FirstEventAsync(_consumer, "stoa.review.answered")).Subject.ShouldBe(written.Id);

        var tooSoon = await Should.ThrowAsync<StoaException>(() => _consumer.WithdrawReviewAsync(task.Id, Stop));
        (tooSoon.Code, tooSoon.Problem.Status).ShouldBe(("reviewTooSoon", 429));
    }

    [Fact]
    public async Task Review_IsSaidToTheNetwork_WithTheNodesWordForTheReceipt()
    {
        var task = await RunAsync(await _node.PublishAsync("echo", GuestPrograms.Echo));
        var agent = AgentReference.Parse(task.Agent);
        await _consumer.ReviewTaskAsync(task.Id, 4, "Echoes well.", Stop);

        var said = (await _consumer.ListListingReviewsAsync(agent.Publisher, agent.Name, Stop).ToListAsync(Stop)).ShouldHaveSingleItem();

        (said.Stars, said.Text, said.Counts, said.Handle, said.Verified).ShouldBe((4, "Echoes well.", true, "ada", true));
        var statement = Statement.Open(await _consumer.GetStatementAsync(ContentHash.Parse(said.StatementId), Stop)).Value;
        (statement.SignerId.ToString(), statement.Content.Kind).ShouldBe((said.Reviewer, StatementKind.Review));
        var receipt = await _consumer.GetReceiptAsync(task.Id, Stop);
        ((ReviewStatement)statement.Content).Verdict!.Proof.Receipt.ShouldBe(ContentHash.Of(receipt.Payload));
        var found = await _consumer.SearchListingsAsync(new ListingQuery("echo"), cancellationToken: Stop);
        found.Items.ShouldHaveSingleItem().Standing!.ShouldSatisfyAllConditions(standing => (standing.Reviews, standing.Rating).ShouldBe((1, 4m)));

        var signers = await _node.Client.ListSignersAsync("own", Stop).ToListAsync(Stop);
        signers.Select(signer => signer.Key).ShouldContain(said.Reviewer);
        signers.Select(signer => signer.Key).ShouldContain(said.Node);
        using var stranger = PrivateKey.Generate();
        (await _node.Client.VouchForSignerAsync(stranger.PublicKey.PeerId.ToString(), receipts: true, Stop)).Standing.ShouldBe("believed");
        (await _node.Client.VouchForSignerAsync(stranger.PublicKey.PeerId.ToString(), cancellationToken: Stop)).Standing.ShouldBe("vouched");
        (await _node.Client.ListSignersAsync("vouched", Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        await _node.Client.StopVouchingForSignerAsync(stranger.PublicKey.PeerId.ToString(), Stop);
        (await _node.Client.ListSignersAsync("vouched", Stop).ToListAsync(Stop)).ShouldBeEmpty();
        (await Should.ThrowAsync<StoaException>(() => _node.Client.VouchForSignerAsync("nobody", cancellationToken: Stop))).Code.ShouldBe("addressInvalid");
    }

    [Fact]
    public async Task Review_ByALaterTask_IsTheSameReview()
    {
        var listing = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var (first, second) = (await RunAsync(listing), await RunAsync(listing));
        var written = await _consumer.ReviewTaskAsync(first.Id, 4, cancellationToken: Stop);

        (await _consumer.GetTaskReviewAsync(second.Id, Stop)).Id.ShouldBe(written.Id);
    }

    [Fact]
    public async Task Review_ThatMayNotBe_IsRefusedWithTheReason()
    {
        var listing = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var failed = await RunAsync(await _node.PublishAsync("trap", GuestPrograms.Unreachable));
        var own = await _node.RunAsync(listing);
        var task = await RunAsync(listing);

        (await RefusedAsync(() => _consumer.ReviewTaskAsync(failed.Id, 1, cancellationToken: Stop))).ShouldBe(("nothingToReview", 409));
        (await RefusedAsync(() => _node.Client.ReviewTaskAsync(own.Id, 5, cancellationToken: Stop))).ShouldBe(("ownAgent", 403));
        (await RefusedAsync(() => _consumer.ReviewTaskAsync(own.Id, 5, cancellationToken: Stop))).ShouldBe(("taskUnknown", 404));
        (await RefusedAsync(() => _consumer.ReviewTaskAsync(task.Id, 6, cancellationToken: Stop))).ShouldBe(("reviewInvalid", 422));
        (await RefusedAsync(() => _consumer.ReviewTaskAsync(task.Id, 1, new string('x', 2_001), Stop))).ShouldBe(("reviewInvalid", 422));
        (await RefusedAsync(() => _consumer.GetTaskReviewAsync(task.Id, Stop))).ShouldBe(("reviewUnknown", 404));
        (await RefusedAsync(() => _consumer.WithdrawReviewAsync(task.Id, Stop))).ShouldBe(("reviewUnknown", 404));
        (await RefusedAsync(() => _consumer.GetReviewAsync("rev_01h2xcejqtf2nbrexx3vqjhp41", Stop))).ShouldBe(("reviewUnknown", 404));
        (await RefusedAsync(() => _consumer.GetAgentReviewsAsync(new AgentReference("nobody", "nothing"), cancellationToken: Stop))).ShouldBe(("notFound", 404));
        (await RefusedAsync(() => _consumer.GetAgentReviewsAsync(AgentReference.Parse(listing), stars: 9, cancellationToken: Stop))).ShouldBe(("requestInvalid", 400));
    }

    [Theory]
    [InlineData("""{ "stars": 5, "text": "\ud800" }""")]
    [InlineData("""{ "stars": 4.5 }""")]
    [InlineData("""{ "text": "no stars" }""")]
    public async Task Review_OfABadBody_IsRefused(string body)
    {
        var task = await RunAsync(await _node.PublishAsync("echo", GuestPrograms.Echo));
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", _consumer.Options.ApiKey);

        using var response = await http.PutAsync(
            $"/api/v1/tasks/{task.Id}/review", new StringContent(body, System.Text.Encoding.UTF8, "application/json"), Stop);

        ((int)response.StatusCode).ShouldBeInRange(400, 422);
    }

    [Fact]
    public async Task Reviews_DecideWhoIsChosen()
    {
        var price = new AgentPriceBody("0.001", "0", "0");
        var praised = await TestNode.PublishAsync(_node.Client, "praised", GuestPrograms.Echo, capability: "text.echo", price: price);
        var blamed = await TestNode.PublishAsync(_node.Client, "blamed", GuestPrograms.Echo, capability: "text.echo", price: price);
        await _consumer.ReviewTaskAsync((await RunAsync(praised)).Id, 5, cancellationToken: Stop);
        await _consumer.ReviewTaskAsync((await RunAsync(blamed)).Id, 1, cancellationToken: Stop);

        var task = await _consumer.SubmitAsync(
            new SubmitTaskRequest(
                Input: new TaskInputBody(Text: "hello"),
                Requirement: new RequirementBody(["text.echo"], Weights: new WeightsBody(Quality: 1), Explore: false)),
            TimeSpan.FromSeconds(60),
            cancellationToken: Stop);

        task.Agent.ShouldBe(praised);
        var candidates = (await _consumer.GetSelectionAsync(task.Id, Stop)).Choices[0].Candidates;
        candidates[0].Reputation.ShouldBeGreaterThan(candidates[1].Reputation + 0.1);
    }

    private async Task<TaskResponse> RunAsync(string listing) =>
        await _consumer.SubmitTextAsync(listing, "hello", new SubmitOptions { Wait = TimeSpan.FromSeconds(60) }, Stop);

    private static async Task<CloudEvent> FirstEventAsync(StoaClient client, string type)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        return await client.WatchEventsAsync("0", waiting.Token).FirstAsync(told => told.Type == type, Stop);
    }

    private static async Task<(string Code, int Status)> RefusedAsync(Func<Task> act)
    {
        var refused = await Should.ThrowAsync<StoaException>(act);
        return (refused.Code, refused.Problem.Status);
    }
}
