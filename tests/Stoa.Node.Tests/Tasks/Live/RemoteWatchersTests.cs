using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks.Live;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks.Live;

public sealed class RemoteWatchersTests
{
    private static readonly IdSource Ids = new(TimeProvider.System, new SecureRandom());

    private readonly ManualTime time = new(DateTimeOffset.UnixEpoch);
    private readonly Id<AgentTask> task = Ids.Next<AgentTask>();
    private readonly Id<User> owner = Ids.Next<User>();

    [Fact]
    public void Watch_ThatIsNotRenewed_IsForgotten()
    {
        var watchers = new RemoteWatchers(time);
        watchers.Hear("a", new CellMessage.WatchLog(task, 0, 0, IsAgain: false));
        watchers.Hear("b", new CellMessage.WatchLog(task, 0, 0, IsAgain: false));
        watchers.Hear("b", new CellMessage.WatchOwner(owner));

        time.Advance(RemoteWatchers.Lifetime);
        watchers.Hear("a", new CellMessage.WatchLog(task, 1, 10, IsAgain: false));
        time.Advance(TimeSpan.FromMilliseconds(1));
        watchers.Prune();

        watchers.ListFollowers(task).ShouldBe(["a"]);
        watchers.ListProgressNodes(task, owner).ShouldBeEmpty();
        time.Advance(RemoteWatchers.Lifetime);
        watchers.Prune();
        watchers.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Nodes_ThatWatchATaskOrItsOwner_AreEachToldOnce()
    {
        var watchers = new RemoteWatchers(time);
        watchers.Hear("a", new CellMessage.WatchTask(task));
        watchers.Hear("a", new CellMessage.WatchOwner(owner));
        watchers.Hear("b", new CellMessage.WatchOwner(owner));

        watchers.ListProgressNodes(task, owner).ShouldBe(["a", "b"], ignoreOrder: true);
        watchers.ListFollowers(task).ShouldBeEmpty();
    }

    [Fact]
    public void Follower_WhoAsksAnew_IsHeededOnceHoweverOftenItIsHeard()
    {
        var watchers = new RemoteWatchers(time);
        watchers.Hear("a", new CellMessage.WatchLog(task, 1, 10, IsAgain: true));
        watchers.Hear("a", new CellMessage.WatchLog(task, 1, 20, IsAgain: false));

        watchers.TakeFollower(task, "a").ShouldBe(new CellMessage.WatchLog(task, 1, 20, IsAgain: true));
        watchers.TakeFollower(task, "a").ShouldBe(new CellMessage.WatchLog(task, 1, 20, IsAgain: false));
        watchers.TakeFollower(task, "b").ShouldBeNull();
    }

    [Fact]
    public void Watches_BeyondTheMost_AreNotTaken()
    {
        var watchers = new RemoteWatchers(time);
        for (var index = 0; index < 20_000; index++)
            watchers.Hear("a", new CellMessage.WatchTask(Ids.Next<AgentTask>()));

        watchers.Hear("a", new CellMessage.WatchLog(task, 0, 0, IsAgain: true));

        watchers.ListFollowers(task).ShouldBeEmpty();
    }
}
