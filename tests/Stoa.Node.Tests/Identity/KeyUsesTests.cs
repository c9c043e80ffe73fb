using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Identity;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Identity;

/// <summary>When keys were last used, in memory and as it is written down.</summary>
public sealed class KeyUsesTests() : DatabaseTest(new SqliteSource())
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);

    private readonly ManualTime _time = new(s_now);
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));

    private SqlUserStore Users => new(Database, _ids, TestCell.Key);

    [Fact]
    public async Task Use_IsWrittenDown_WhenTheMinuteIsOver()
    {
        var key = await PutKeyAsync();
        using var uses = NewUses();
        await uses.StartAsync(Stop);
        uses.Note(key.Id, s_now);
        uses.Note(key.Id, s_now.AddSeconds(2));
        (uses.Find(key.Id), uses.Count).ShouldBe((s_now.AddSeconds(2), 1));

        await Eventually.IsSoAsync(async () =>
        {
            _time.Advance(KeyUses.Pause);
            return (await Users.FindKeyAsync(key.SecretHash, Stop))!.LastUsedAt == s_now.AddSeconds(2) && uses.Count == 0;
        });
        uses.Find(key.Id).ShouldBeNull();
        await uses.StopAsync(Stop);
    }

    [Fact]
    public async Task Uses_OfVeryManyKeys_AreWrittenDownBeforeThat_AndMemoryHasABound()
    {
        var key = await PutKeyAsync();
        using var uses = NewUses();
        uses.Note(key.Id, s_now);
        for (var other = 0; other < 2 * KeyUses.MostKept; other++)
            uses.Note(_ids.Next<ApiKey>(), s_now);
        uses.Count.ShouldBe(KeyUses.MostKept);
        // One that is there goes on.
        uses.Note(key.Id, s_now.AddSeconds(5));
        uses.Find(key.Id).ShouldBe(s_now.AddSeconds(5));

        // The clock stands still: nobody waits for the end of the minute.
        await uses.StartAsync(Stop);

        await Eventually.IsSoAsync(() => uses.Count == 0);
        (await Users.FindKeyAsync(key.SecretHash, Stop))!.LastUsedAt.ShouldBe(s_now.AddSeconds(5));
        await uses.StopAsync(Stop);
    }

    private KeyUses NewUses() => new(Users, _time, NullLogger<KeyUses>.Instance);

    private async Task<ApiKey> PutKeyAsync()
    {
        var user = new User(_ids.Next<User>(), "ada", "ada@example.org", UserRole.Member, s_now);
        await Users.AddAsync(new StoredUser(user, null), Stop);
        var secret = ApiKeySecret.Create(new Random(2));
        var key = new ApiKey(_ids.Next<ApiKey>(), user.Id, "k", secret.Prefix, secret.Hash, s_now, null, null);
        return (await Users.PutKeyAsync(key, 10, Stop)).Value;
    }
}
