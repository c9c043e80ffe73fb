using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Discovery;
using Stoa.Node.Registry.Reviews;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Registry.Statements;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Reviews;

/// <summary>What the network says of an agent, and what of it counts, on every database.</summary>
public abstract class NetworkReviewsConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000);

    private readonly PrivateKey _publisher = PrivateKey.Generate();
    private readonly PrivateKey _node = PrivateKey.Generate();
    private readonly SettableTime _time = new(s_now);
    private readonly ListingIndex _index = new();
    private ListingFeed? _feed;

    // Work is another matter: here anybody may say anything.
    private SqlStatementStore Store => new(Database, AdmissionPolicy.Default with { StrangerWorkBits = 0 });

    private SqlSigners Signers => new(Database);

    private KeyedListing Agent => new(_publisher.PublicKey.PeerId, "resize", SemanticVersion.Parse("1.0.0"));

    [Fact]
    public async Task Review_CountsWhileItsNodeIsVouchedFor()
    {
        using var ann = PrivateKey.Generate();
        using var bob = PrivateKey.Generate();
        await AddAsync(Sign(_publisher, StatementStoreConformance.Listing("1.0.0")), Review(ann, 5), Review(bob, 2));
        (await StandingAsync()).ShouldBeNull("keys are free");
        (await ReviewsAsync()).Select(review => (review.Review.Verdict!.Stars, review.NodeStanding)).ShouldBe([(5, SignerStanding.Stranger), (2, SignerStanding.Stranger)], ignoreOrder: true);

        (await Signers.VouchAsync(_node.PublicKey.PeerId, believesReceipts: true, Stop)).Usage.Standing.ShouldBe(SignerStanding.Believed);
        (await StandingAsync()).ShouldBe(new ListingStandingBody(0, 2, 3.5m));
        (await ReviewsAsync()).ShouldAllBe(review => review.NodeStanding == SignerStanding.Believed);

        // A publisher may be spared the work without being believed.
        (await Signers.VouchAsync(_node.PublicKey.PeerId, believesReceipts: false, Stop)).Usage.Standing.ShouldBe(SignerStanding.Vouched);
        (await StandingAsync()).ShouldBeNull();
        await Signers.VouchAsync(_node.PublicKey.PeerId, believesReceipts: true, Stop);
        (await StandingAsync()).ShouldBe(new ListingStandingBody(0, 2, 3.5m));

        await Signers.WithdrawVouchAsync(_node.PublicKey.PeerId, Stop);
        (await StandingAsync()).ShouldBeNull();
        (await Signers.ListAsync(SignerStanding.Believed, new PageRequest(), Stop)).Items.ShouldBeEmpty();
    }

    [Fact]
    public async Task Review_SaidAgain_TakesThePlaceOfTheFirst_AndMayBeTakenBack()
    {
        using var ann = PrivateKey.Generate();
        await Signers.VouchAsync(_node.PublicKey.PeerId, believesReceipts: true, Stop);
        await AddAsync(Sign(_publisher, StatementStoreConformance.Listing("1.0.0")), Review(ann, 5));
        await AddAsync(Review(ann, 1, seconds: 1));
        (await StandingAsync()).ShouldBe(new ListingStandingBody(0, 1, 1m));

        await AddAsync(Sign(ann, new ReviewStatement(Agent with { Version = null }, Verdict: null), seconds: 2));

        (await StandingAsync()).ShouldBeNull();
        (await ReviewsAsync()).ShouldBeEmpty();
        // Who hears the older one afterwards does not believe it again.
        (await Store.AddAsync([Review(ann, 1, seconds: 1)], s_now, Stop))[0].Value.ShouldBe(StatementEffect.Superseded);
        (await ReviewsAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Review_OfOnesOwnAgent_SaysNothing()
    {
        await Signers.VouchAsync(_node.PublicKey.PeerId, believesReceipts: true, Stop);

        await AddAsync(Sign(_publisher, StatementStoreConformance.Listing("1.0.0")), Review(_publisher, 5));

        (await ReviewsAsync()).ShouldBeEmpty();
        (await StandingAsync()).ShouldBeNull();
    }

    [Fact]
    public async Task List_ByPages_GivesEachOnce_AndNothingOfAnAgentThatThereIsNot()
    {
        var reviewers = Enumerable.Range(0, 5).Select(_ => PrivateKey.Generate()).ToList();
        await AddAsync([Sign(_publisher, StatementStoreConformance.Listing("1.0.0")), .. reviewers.Select(reviewer => Review(reviewer, 3))]);
        List<PeerId> found = [];
        string? cursor = null;
        do
        {
            var page = (await new SqlNetworkReviews(Database).ListAsync(Agent.Publisher.ToString(), "resize", new PageRequest(2, cursor), Stop)).ShouldNotBeNull();
            found.AddRange(page.Items.Select(item => item.Statement.SignerId));
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        found.ShouldBe(reviewers.Select(reviewer => reviewer.PublicKey.PeerId), ignoreOrder: true);
        (await new SqlNetworkReviews(Database).ListAsync(Agent.Publisher.ToString(), "other", new PageRequest(), Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Vouch_ChangesWhatStrangersHaveTogether_AndBack()
    {
        using var ann = PrivateKey.Generate();
        var said = Sign(ann, new ProfileStatement("Ann", null));
        await AddAsync(said);
        (await StrangersAsync()).ShouldBe(said.Payload.Length);

        (await Signers.VouchAsync(said.SignerId, believesReceipts: false, Stop)).ShouldSatisfyAllConditions(
            signer => (signer.Usage.Standing, signer.Usage.Statements, signer.Handle).ShouldBe((SignerStanding.Vouched, 1, null)));
        await Signers.VouchAsync(said.SignerId, believesReceipts: false, Stop);
        (await StrangersAsync()).ShouldBe(0);

        await Signers.WithdrawVouchAsync(said.SignerId, Stop);
        await Signers.WithdrawVouchAsync(said.SignerId, Stop);
        (await StrangersAsync()).ShouldBe(said.Payload.Length);
        (await Database.FindSignerAsync(said.SignerId))!.Standing.ShouldBe(SignerStanding.Stranger);

        await Store.RaiseStandingAsync(said.SignerId, SignerStanding.Own, Stop);
        await Signers.WithdrawVouchAsync(said.SignerId, Stop);
        (await Signers.VouchAsync(said.SignerId, believesReceipts: false, Stop)).Usage.Standing.ShouldBe(SignerStanding.Own, "what is the cell's own stays so");
    }

    private Task<long> StrangersAsync() => Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT bytes FROM statement_strangers"), Stop);

    private Statement Review(PrivateKey reviewer, int stars, int seconds = 0) => Sign(
        reviewer, new ReviewStatement(Agent, new ReviewVerdict(stars, null, ReceiptProof.Sign(_node, reviewer.PublicKey.PeerId, Agent, ContentHash.Of("receipt"u8)))), seconds);

    private static Statement Sign(PrivateKey key, StatementContent content, int seconds = 0) =>
        Statement.Sign(key, new Hlc(s_now.AddSeconds(seconds).ToUnixTimeMilliseconds(), 0), content).Value;

    private async Task AddAsync(params Statement[] statements) =>
        (await Store.AddAsync(statements, s_now, Stop)).ShouldAllBe(outcome => outcome.Refusal == null);

    private async Task<IReadOnlyList<NetworkReview>> ReviewsAsync() =>
        (await new SqlNetworkReviews(Database).ListAsync(Agent.Publisher.ToString(), "resize", new PageRequest(), Stop)).ShouldNotBeNull().Items;

    private async Task<ListingStandingBody?> StandingAsync()
    {
        _feed ??= new ListingFeed(Database, _index, _time, NullLogger<ListingFeed>.Instance);
        await _feed.FollowAsync(Stop);
        var found = await new ListingSearches(_index, _feed, new SqlListings(Database)).SearchAsync(new ListingSearch(), publisher: null, new PageRequest(), Stop);
        return found.ShouldNotBeNull().Items.ShouldHaveSingleItem().Standing;
    }
}

public sealed class SqliteNetworkReviewsTests() : NetworkReviewsConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresNetworkReviewsTests(PostgresCluster cluster) : NetworkReviewsConformance(new PostgresSource(cluster));
