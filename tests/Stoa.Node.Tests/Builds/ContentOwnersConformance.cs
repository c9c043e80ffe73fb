using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Node.Builds;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Builds;

/// <summary>What every keeper of grants does.</summary>
public abstract class ContentOwnersConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly ContentDescriptor s_content = new(ContentHash.Of("content"u8), 7);
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));

    private SqlContentOwners Owners => new(Database);

    [Fact]
    public async Task MayRead_OnlyThoseWhoWereGranted()
    {
        var (ann, bob) = (_ids.Next<User>(), _ids.Next<User>());
        await Owners.GrantAsync(s_content, ann, ContentOrigins.Task, Stop);
        await Owners.GrantAsync(s_content, ann, ContentOrigins.Task, Stop);
        (await Owners.MayReadAsync(s_content.Digest, ann, Stop)).ShouldBeTrue();
        (await Owners.MayReadAsync(s_content.Digest, bob, Stop)).ShouldBeFalse();
        (await Owners.MayReadAsync(s_content.Digest, null, Stop)).ShouldBeFalse();
        (await Owners.MayReadAsync(ContentHash.Of("other"u8), ann, Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task MayRead_PublicContent_Everyone()
    {
        await Owners.GrantAsync(s_content, null, ContentOrigins.Task, Stop);
        (await Owners.MayReadAsync(s_content.Digest, _ids.Next<User>(), Stop)).ShouldBeTrue();
        (await Owners.MayReadAsync(s_content.Digest, null, Stop)).ShouldBeTrue();
    }
}

public sealed class SqliteContentOwnersTests() : ContentOwnersConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresContentOwnersTests(PostgresCluster cluster) : ContentOwnersConformance(new PostgresSource(cluster));
