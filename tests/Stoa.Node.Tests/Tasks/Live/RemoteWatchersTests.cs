using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Node.Tasks.Live;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Tasks.Live;

public sealed class RemoteWatchersTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new SecureRandom());

    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);
    private readonly Id<AgentTask> _task = s_ids.Next<AgentTask>();
    private readonly Id<User> _owner = s_ids.Next<User>();

    [Fact]
    public void Watch_ThatIsNotRenewed_IsForgotten()
    {
        var watchers = new RemoteWatchers(_time);
        watchers.Hear("a", new CellMessage.WatchLog(_task, 0, 0, IsAgain: false));
        watchers.Hear("b", new CellMessage.WatchLog(_task, 0, 0, IsAgain: false));
        watchers.Hear("b", new CellMessage.WatchOwner(_owner));

        _time.Advance(RemoteWatchers.Lifetime);
        watchers.Hear("a", new CellMessage.WatchLog(_task, 1, 10, IsAgain: false));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        watchers.Prune();

        watchers.ListFollowers(_task).ShouldBe(["a"]);
        watchers.ListProgressNodes(_task, _owner).ShouldBeEmpty();
        _time.Advance(RemoteWatchers.Lifetime);
        watchers.Prune();
        watchers.IsEmpty.ShouldBeTrue();
    }

    [Fact]
    public void Nodes_ThatWatchATaskOrItsOwner_AreEachToldOnce()
    {
        var watchers = new RemoteWatchers(_time);
        watchers.Hear("a", new CellMessage.WatchTask(_task));
        watchers.Hear("a", new CellMessage.WatchOwner(_owner));
        watchers.Hear("b", new CellMessage.WatchOwner(_owner));

        watchers.ListProgressNodes(_task, _owner).ShouldBe(["a", "b"], ignoreOrder: true);
        watchers.ListFollowers(_task).ShouldBeEmpty();
    }

    [Fact]
    public void Follower_WhoAsksAnew_IsHeededOnceHoweverOftenItIsHeard()
    {
        var watchers = new RemoteWatchers(_time);
        watchers.Hear("a", new CellMessage.WatchLog(_task, 1, 10, IsAgain: true));
        watchers.Hear("a", new CellMessage.WatchLog(_task, 1, 20, IsAgain: false));

        watchers.TakeFollower(_task, "a").ShouldBe(new CellMessage.WatchLog(_task, 1, 20, IsAgain: true));
        watchers.TakeFollower(_task, "a").ShouldBe(new CellMessage.WatchLog(_task, 1, 20, IsAgain: false));
        watchers.TakeFollower(_task, "b").ShouldBeNull();
    }

    [Fact]
    public void Watches_BeyondTheMost_AreNotTaken()
    {
        var watchers = new RemoteWatchers(_time);
        for (var index = 0; index < 20_000; index++)
            watchers.Hear("a", new CellMessage.WatchTask(s_ids.Next<AgentTask>()));

        watchers.Hear("a", new CellMessage.WatchLog(_task, 0, 0, IsAgain: true));

        watchers.ListFollowers(_task).ShouldBeEmpty();
    }
}
