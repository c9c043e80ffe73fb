using System.Security.Cryptography;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Identity;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>What publishers say gets the work that it costs elsewhere, on every database.</summary>
public abstract class PublisherWorkConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly CellKey s_cell = new(RandomNumberGenerator.GetBytes(CellKey.SizeBytes));

    // Little work: found at once, and hardly ever there by chance in eight statements.
    private static readonly AdmissionPolicy s_policy = AdmissionPolicy.Default with { StrangerWorkBits = 12 };

    private readonly SettableTime _time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_764_000_000_000));
    private readonly Id<User> _ann = new IdSource(TimeProvider.System, new Random(1)).Next<User>();

    private PublisherStatements Statements => new(s_cell, s_policy, _time);

    private SqlStatementStore Store => new(Database, s_policy);

    [Fact]
    public async Task Work_OfAListingAndAProfile_IsDone_AndEachStandsInThePlaceOfTheFirst()
    {
        await ListAsync("1.0.0");
        var before = await AllAsync();

        (await WorkAsync(Work())).ShouldBe(before.Count(statement => StatementWork.BitsOf(statement.Id) < s_policy.StrangerWorkBits));

        var after = await AllAsync();
        after.Select(statement => statement.Key).ShouldBe(before.Select(statement => statement.Key), ignoreOrder: true);
        after.ShouldAllBe(statement => StatementWork.BitsOf(statement.Id) >= s_policy.StrangerWorkBits);
        foreach (var worked in after)
        {
            var first = before.Single(statement => statement.Key == worked.Key);
            Statement.Open(worked.Envelope).Value.Item.Said.ShouldBe(first.Item.Said);
            // Whoever has the first one takes the other in its place, and the other way round does not.
            StatementMerge.Add(worked.Key.Kind.Rule(), new Merged(first.Item), worked.Item, out var effect);
            effect.ShouldBe(worked.Id == first.Id ? StatementEffect.Known : StatementEffect.Replaced);
        }

        (await WorkAsync(Work())).ShouldBe(0, "what has its work needs none");
        (await Store.ListContradictionsAsync(null, null, 10, Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Work_OfTwoNodesAtTheSameTime_ComesToTheSame()
    {
        for (var version = 0; version < 4; version++)
            await ListAsync($"1.{version}.0");

        await Task.WhenAll(WorkAsync(Work()), WorkAsync(Work()));

        var all = await AllAsync();
        all.Count.ShouldBe(5);
        all.ShouldAllBe(statement => StatementWork.BitsOf(statement.Id) >= s_policy.StrangerWorkBits);
    }

    [Fact]
    public async Task Work_OfWhatIsTakenBackMeanwhile_IsDoneOfWhatStands()
    {
        await ListAsync("1.0.0");
        await WithdrawAsync(isWithdrawn: true);
        await WithdrawAsync(isWithdrawn: false);

        await WorkAsync(Work());

        var withdrawal = (await AllAsync()).Single(statement => statement.Content is WithdrawalStatement);
        (((WithdrawalStatement)withdrawal.Content).IsWithdrawn, StatementWork.BitsOf(withdrawal.Id) >= s_policy.StrangerWorkBits).ShouldBe((false, true));
    }

    [Fact]
    public async Task Work_OfOneWhoIsToBeForgotten_IsDoneBeforeTheKeyGoes()
    {
        await ListAsync("1.0.0");
        await Database.WriteAsync(session => Statements.SilenceAsync(session, _ann), Stop);

        await Work().RunAllAsync(_ann, Stop);

        (await AllAsync()).Select(statement => (statement.Content.Kind, StatementWork.BitsOf(statement.Id) >= s_policy.StrangerWorkBits))
            .ShouldBe([(StatementKind.Withdrawal, true), (StatementKind.Profile, true)], ignoreOrder: true);
        await Database.WriteAsync(session => Statements.ForgetKeyAsync(session, _ann), Stop);
        await Work().RunAllAsync(_ann, Stop);
        (await WorkAsync(Work())).ShouldBe(0);
    }

    [Fact]
    public async Task Work_OfStrangersStatements_IsTheirs()
    {
        using var stranger = PrivateKey.Generate();
        var said = Statement.Sign(stranger, new Hlc(_time.GetUtcNow().ToUnixTimeMilliseconds(), 0), new ProfileStatement("Eve", null)).Value;
        await Store.RaiseStandingAsync(said.SignerId, SignerStanding.Vouched, Stop);
        (await Store.AddAsync([said], _time.GetUtcNow(), Stop))[0].Refusal.ShouldBeNull();

        (await WorkAsync(Work())).ShouldBe(0);
        (await AllAsync()).ShouldHaveSingleItem().Id.ShouldBe(said.Id);
    }

    private PublisherWork Work() => new(Database, s_cell, s_policy, _time);

    private static async Task<int> WorkAsync(PublisherWork work)
    {
        var done = 0;
        while (await work.RunOnceAsync(Stop))
            done++;
        return done;
    }

    private Task<IReadOnlyList<Statement>> AllAsync() => Database.ListStatementsAsync();

    private Task<Statement> ListAsync(string version) => Database.WriteAsync(
        session => Statements.ListAsync(session, _ann, "ann", StatementStoreConformance.Listing(version)), Stop);

    private Task WithdrawAsync(bool isWithdrawn) => Database.WriteAsync(
        session => Statements.WithdrawAsync(session, _ann, [("resize", SemanticVersion.Parse("1.0.0"))], isWithdrawn, reason: null), Stop);
}

public sealed class SqlitePublisherWorkTests() : PublisherWorkConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresPublisherWorkTests(PostgresCluster cluster) : PublisherWorkConformance(new PostgresSource(cluster));
