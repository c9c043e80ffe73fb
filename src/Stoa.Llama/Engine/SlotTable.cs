using Stoa.Llama.Native;

namespace Stoa.Llama.Engine;

/// <summary>The slots, and which of them a request gets: the one whose cache begins as its prompt does, or one that takes that beginning over from another. The engine's thread only.</summary>
internal sealed class SlotTable
{
    private readonly LlamaModel _model;
    private readonly ContextHandle _context;
    private readonly Slot[] _slots;
    private readonly List<Slot> _busy = [];
    private long _uses;
    private int _turn;

    public SlotTable(LlamaModel model, ContextHandle context, int count)
    {
        (_model, _context) = (model, context);
        _slots = [.. Enumerable.Range(0, count).Select(id => new Slot(id))];
    }

    public int FreeCount => _slots.Length - _busy.Count;

    /// <summary>Those that have an answer, in the order of their numbers. A copy: it may be gone through while answers end.</summary>
    public IReadOnlyList<Slot> Busy => [.. _busy];

    /// <summary>Those that read their prompt, another one first each time: a long prompt does not keep the others from beginning.</summary>
    public IReadOnlyList<Slot> InReadingOrder
    {
        get
        {
            List<Slot> reading = [.. _busy.Where(slot => slot.Answer is { Next: null, Leader: null })];
            if (reading.Count < 2)
                return reading;
            var first = _turn++ % reading.Count;
            return [.. reading[first..], .. reading[..first]];
        }
    }

    private unsafe nint Memory => _model.Library.GetMemory(_context.Address);

    /// <summary>Gives a request its slots, of which as many are free as it has choices.</summary>
    /// <returns>How many tokens of its prompt need not be read.</returns>
    public int Place(GenerationRequest request, Func<int, Answer> create)
    {
        var (leader, reused) = Choose(request.Prompt, request.Scope);
        Take(leader, create(0), reused);
        for (var choice = 1; choice < request.Choices; choice++)
        {
            var follower = _slots.Where(slot => slot.Answer is null).MinBy(slot => slot.UsedAt)!;
            Cut(follower, 0);
            Take(follower, create(choice), reused);
            follower.Answer!.Leader = leader;
        }

        return reused;
    }

    /// <summary>The prompt of a slot is read: those that wait for it have it as well.</summary>
    public IReadOnlyList<Slot> Follow(Slot leader)
    {
        List<Slot> followers = [.. _busy.Where(slot => slot.Answer!.Leader == leader)];
        foreach (var follower in followers)
        {
            Copy(leader, follower, leader.Cached.Count);
            follower.Answer!.Leader = null;
        }

        return followers;
    }

    /// <summary>An answer is at its end, or nobody wants it any more. What was read stays.</summary>
    public void GiveUp(Slot slot)
    {
        // Choices are given up together; a leader that ends has been followed before.
        slot.Answer!.Dispose();
        slot.Answer = null;
        slot.UsedAt = ++_uses;
        _busy.Remove(slot);
    }

    /// <summary>An answer cannot go on, and what the cache has of it is worth nothing.</summary>
    public void Fail(Slot slot, Exception reason)
    {
        slot.Answer!.Stream.Fail(reason);
        foreach (var follower in _busy.Where(other => other.Answer!.Leader == slot).ToList())
            GiveUp(follower);
        GiveUp(slot);
        Cut(slot, 0);
    }

    private (Slot Slot, int Reused) Choose(IReadOnlyList<int> prompt, string scope)
    {
        var oldest = _slots.Where(slot => slot.Answer is null).MinBy(slot => slot.UsedAt)!;
        if (!_model.KeepsPrefixes)
        {
            Cut(oldest, 0);
            return (oldest, 0);
        }

        var best = _slots.MaxBy(slot => (slot.SharedWith(prompt, scope), slot.Answer is null))!;
        var shared = best.SharedWith(prompt, scope);
        // Where most of a cache would be lost to the prompt, it stays, and the beginning is shared.
        if (best.Answer is null && (best == oldest || shared >= best.Cached.Count / 2))
            return Cut(best, shared) ? (best, shared) : (best, 0);
        Cut(oldest, 0);
        if (shared > 0)
            Copy(best, oldest, shared);
        return (oldest, shared);
    }

    private void Take(Slot slot, Answer answer, int reused)
    {
        answer.CachedPromptTokens = reused;
        slot.Answer = answer;
        slot.Scope = answer.Request.Scope;
        slot.UsedAt = ++_uses;
        _busy.Insert(_busy.TakeWhile(other => other.Id < slot.Id).Count(), slot);
    }

    /// <summary>Keeps the first tokens of what the cache has.</summary>
    /// <returns>False when it had to forget all.</returns>
    private unsafe bool Cut(Slot slot, int length)
    {
        var isKept = length == 0 || _model.Library.MemoryRemove(Memory, slot.Id, length, -1) != 0;
        var left = isKept ? length : 0;
        if (left == 0)
            _model.Library.MemoryRemove(Memory, slot.Id, -1, -1);
        slot.Cached.RemoveRange(Math.Min(left, slot.Cached.Count), slot.Cached.Count - Math.Min(left, slot.Cached.Count));
        return isKept;
    }

    private unsafe void Copy(Slot from, Slot to, int length)
    {
        _model.Library.MemoryCopy(Memory, from.Id, to.Id, 0, length);
        to.Cached.Clear();
        to.Cached.AddRange(from.Cached.Take(length));
    }
}
