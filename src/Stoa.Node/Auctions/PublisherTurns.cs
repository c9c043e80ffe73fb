using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Auctions;

/// <summary>Lets one program of each publisher run at a time, so that one whose programs take long keeps nobody else's from the few threads.</summary>
public sealed class PublisherTurns
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Id<User>, Lane> _lanes = [];

    /// <summary>Waits for the publisher's turn.</summary>
    /// <param name="publisher">Whose program is to run.</param>
    /// <param name="cancellationToken">Waits no longer.</param>
    /// <returns>To be disposed of when the program has ended.</returns>
    public async Task<IDisposable> TakeAsync(Id<User> publisher, CancellationToken cancellationToken)
    {
        Lane lane;
        lock (_gate)
        {
            if (!_lanes.TryGetValue(publisher, out lane!))
                _lanes.Add(publisher, lane = new Lane(this, publisher));
            lane.Users++;
        }

        try
        {
            await lane.Turn.WaitAsync(cancellationToken);
        }
        catch
        {
            Leave(lane);
            throw;
        }

        return new Taken(lane);
    }

    private void Leave(Lane lane)
    {
        lock (_gate)
        {
            if (--lane.Users == 0)
                _lanes.Remove(lane.Publisher);
        }
    }

    private sealed class Lane(PublisherTurns turns, Id<User> publisher)
    {
        public Id<User> Publisher => publisher;

        public SemaphoreSlim Turn { get; } = new(1);

        /// <summary>Those who run or wait; under the gate.</summary>
        public int Users { get; set; }

        public void End()
        {
            Turn.Release();
            turns.Leave(this);
        }
    }

    private sealed class Taken(Lane lane) : IDisposable
    {
        private Lane? _left = lane;

        public void Dispose() => Interlocked.Exchange(ref _left, null)?.End();
    }
}
