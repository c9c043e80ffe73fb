using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Node.Builds;
using Stoa.Node.Quotas;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Builds;

/// <summary>Content that nobody owns is deleted, and nothing else is, on every database.</summary>
public abstract class ReleasedContentConformance(DatabaseSource source) : DatabaseTest(source)
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-test-").FullName;
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);

    private FileContentStore _files = null!;
    private IContentStore _store = null!;
    private SqlContentOwners _owners = null!;
    private ReleasedContent _released = null!;
    private Id<User> _ann;
    private Id<User> _bob;

    /// <summary>More than what came is left for, and than the clocks of tests and files differ.</summary>
    private static TimeSpan Long => ReleasedContent.Settling + TimeSpan.FromMinutes(10);

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _files = new FileContentStore(_folder);
        _store = Database is PostgresDatabase ? new CellContentStore(Database, _files, _time) : _files;
        _owners = new SqlContentOwners(Database);
        _released = new ReleasedContent(Database, _store, _time);
        (_ann, _bob) = (_ids.Next<User>(), _ids.Next<User>());
    }

    public override async ValueTask DisposeAsync()
    {
        _files.Dispose();
        Directory.Delete(_folder, recursive: true);
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Expected_ThatNobodyOwnsInTheEnd_IsDeletedAndCountsUntilThen()
    {
        var content = Describe(1, 700);
        await _owners.ExpectAsync([content], _ann, _time.GetUtcNow(), Stop);
        await StoreAsync(1, 700);
        await SweepAsync();
        (await _store.StatAsync(content.Digest, Stop)).ShouldBe(content, "it may get an owner yet");
        (await ReservableAsync(_ann)).ShouldBe(300);
        (await _owners.MayReadAsync(content.Digest, null, Stop)).ShouldBeFalse();

        _time.Advance(Long);
        await SweepAsync();

        (await _store.StatAsync(content.Digest, Stop)).ShouldBeNull();
        (await CountAsync()).ShouldBe(0);
        (await ReservableAsync(_ann)).ShouldBe(1_000);
    }

    [Fact]
    public async Task Expected_ThatGetsAnOwner_Stays()
    {
        var content = await StoreAsync(1, 700);
        await _owners.ExpectAsync([content], _ann, _time.GetUtcNow(), Stop);
        await _owners.GrantAsync(content, null, ContentOrigins.Task, Stop);
        (await CountAsync()).ShouldBe(0);

        // Also when it had one before.
        await _owners.ExpectAsync([content], _bob, _time.GetUtcNow(), Stop);
        _time.Advance(Long);
        await SweepAsync();

        (await _store.StatAsync(content.Digest, Stop)).ShouldBe(content);
        (await CountAsync()).ShouldBe(0);
    }

    [Fact]
    public async Task GivenUp_ByItsLastOwner_IsDeletedAtOnce_AndCountsNoMore()
    {
        var content = await BringAsync(_ann, 1, 700);
        await _owners.GrantAsync(content, _bob, ContentOrigins.Task, Stop);
        _time.Advance(Long);

        (await _released.GiveUpAsync(_ann, content.Digest, Stop)).Value.ShouldBeTrue();
        (await _released.GiveUpAsync(_ann, content.Digest, Stop)).Value.ShouldBeFalse("it is his no more");
        (await _store.StatAsync(content.Digest, Stop)).ShouldBe(content, "another one has it");
        ((await ReservableAsync(_ann)), (await ReservableAsync(_bob)), await CountAsync()).ShouldBe((1_000, 300, 0));

        (await _released.GiveUpAsync(_bob, content.Digest, Stop)).Value.ShouldBeTrue();
        (await _store.StatAsync(content.Digest, Stop)).ShouldBeNull();
        ((await ReservableAsync(_bob)), await CountAsync()).ShouldBe((1_000, 0));
    }

    [Fact]
    public async Task GivenUp_RightAfterItCame_TakesRoomUntilItsBytesAreGone()
    {
        for (var turn = 0; turn < 2; turn++)
        {
            var content = await BringAsync(_ann, (byte)turn, 500);
            (await _released.GiveUpAsync(_ann, content.Digest, Stop)).Value.ShouldBeTrue();
            (await _owners.MayReadAsync(content.Digest, _ann, Stop)).ShouldBeFalse();
        }

        (await new UserUsages(Database, Everybody).FindAsync(_ann, Stop)).ContentBytes.ShouldBe(0, "it is paid for no more");
        (await new UserUsages(Database, Everybody).ReserveAsync(_ann, 1, 1_000, Stop)).Refusal!.Code.ShouldBe(ContentRefusal.StorageQuotaExceeded, "the disk is as full as before");
        _time.Advance(Long);
        await SweepAsync();
        (await ReservableAsync(_ann)).ShouldBe(1_000);
        Directory.EnumerateFiles(Path.Combine(_folder, "sha256"), "*", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Fact]
    public async Task Forgotten_ByANodeThatCrashed_IsDeleted_AndNothingElse()
    {
        var forgotten = await StoreAsync(1, 700);
        var owned = await BringAsync(_ann, 2, 100);
        var everybodys = await StoreAsync(3, 100);
        await _owners.GrantAsync(everybodys, null, ContentOrigins.Owner, Stop);
        var noted = await StoreAsync(4, 100);
        await _owners.ExpectAsync([noted], _ann, _time.GetUtcNow(), Stop);
        (await _released.DeleteForgottenAsync(_time.GetUtcNow() - ReleasedContent.Settling, Stop)).ShouldBe(0, "it may be about to have an owner");

        _time.Advance(Long);
        (await _released.DeleteForgottenAsync(_time.GetUtcNow() - ReleasedContent.Settling, Stop)).ShouldBe(1);

        (await _store.StatAsync(forgotten.Digest, Stop)).ShouldBeNull();
        foreach (var content in new[] { owned, everybodys, noted })
            (await _store.StatAsync(content.Digest, Stop)).ShouldBe(content);
    }

    [Fact]
    public async Task GivenUp_AndBroughtAgain_Stays()
    {
        var content = await BringAsync(_ann, 1, 500);
        await _released.GiveUpAsync(_ann, content.Digest, Stop);
        (await BringAsync(_ann, 1, 500)).ShouldBe(content);
        _time.Advance(Long);
        await SweepAsync();

        (await _store.StatAsync(content.Digest, Stop)).ShouldBe(content);
        (await ReservableAsync(_ann)).ShouldBe(500);
    }

    [Fact]
    public async Task GivenUp_WhileManyBringAndGiveUp_NobodyOwnsWhatIsGone()
    {
        var users = Enumerable.Range(0, 6).Select(_ => _ids.Next<User>()).ToList();
        // Bytes of long ago, that nobody has: the first who brings them finds them about to be deleted. What is brought now is protected by being new.
        var old = await StoreAsync(1, 300);
        File.SetLastWriteTimeUtc(Path.Combine(_folder, "sha256", old.Digest.Hex[..2], old.Digest.Hex), (_time.GetUtcNow() - Long).UtcDateTime);
        await _owners.ExpectAsync([old], users[0], _time.GetUtcNow() - Long, Stop);
        await Task.WhenAll(users.Select(user => Task.Run(
            async () =>
            {
                for (var turn = 0; turn < 8; turn++)
                {
                    var content = await BringAsync(user, 1, 300);
                    if (turn < 7 || user != users[0])
                        (await _released.GiveUpAsync(user, content.Digest, Stop)).Value.ShouldBeTrue();
                }
            },
            Stop)));

        var kept = Describe(1, 300);
        (await _owners.OwnsAsync(kept.Digest, users[0], Stop)).ShouldBeTrue();
        (await _store.StatAsync(kept.Digest, Stop)).ShouldBe(kept);
        (await _released.GiveUpAsync(users[0], kept.Digest, Stop)).Value.ShouldBeTrue();
        _time.Advance(Long);
        await SweepAsync();
        (await _store.StatAsync(kept.Digest, Stop)).ShouldBeNull();
        foreach (var user in users)
            (await new UserUsages(Database, Everybody).FindAsync(user, Stop)).ContentBytes.ShouldBe(0);
    }

    [Fact]
    public async Task List_ByPages_HasTheLargestFirst_AndOnlyOnesOwn()
    {
        await BringAsync(_bob, 9, 900);
        await _owners.GrantAsync(await StoreAsync(8, 800), null, ContentOrigins.Task, Stop);
        List<ContentDescriptor> own = [];
        for (byte value = 0; value < 5; value++)
            own.Add(await BringAsync(_ann, value, value < 3 ? 100 : 10 * value));

        var listed = new List<ContentDescriptor>();
        string? cursor = null;
        do
        {
            var page = await _owners.ListAsync(_ann, new PageRequest(2, cursor), Stop);
            listed.AddRange(page.Items);
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        listed.ShouldBe(own, ignoreOrder: true);
        listed.Select(content => content.SizeBytes).ShouldBe([100, 100, 100, 40, 30]);
    }

    private static UserQuota Everybody => new(10, 1_000);

    private static byte[] Bytes(byte value, int size) => [.. Enumerable.Repeat(value, size)];

    private static ContentDescriptor Describe(byte value, int size) => new(ContentHash.Of(Bytes(value, size)), size);

    private async Task<ContentDescriptor> StoreAsync(byte value, int size) =>
        (await _store.PutAsync(new MemoryStream(Bytes(value, size)), null, size, Stop)).Value;

    private async Task<ContentDescriptor> BringAsync(Id<User> user, byte value, int size)
    {
        var content = await StoreAsync(value, size);
        await _owners.GrantAsync(content, user, ContentOrigins.Task, Stop);
        return content;
    }

    /// <summary>How much of a thousand bytes is left.</summary>
    private async Task<long> ReservableAsync(Id<User> user)
    {
        using var room = (await new UserUsages(Database, Everybody).ReserveAsync(user, null, 1_000, Stop)).Value;
        return room.Most;
    }

    private async Task SweepAsync()
    {
        while (await _released.SweepAsync(Stop))
        {
        }
    }

    private Task<long> CountAsync() => Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM released_content"), Stop);
}

public sealed class SqliteReleasedContentTests() : ReleasedContentConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresReleasedContentTests(PostgresCluster cluster) : ReleasedContentConformance(new PostgresSource(cluster));
