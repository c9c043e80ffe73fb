using Stoa.Primitives;

namespace Stoa.Market.Inference;

/// <summary>Money that many requests draw on: each takes the most that it may cost, and when it has ended gives back what it has not cost.</summary>
/// <remarks>
/// Between two times that its owner says what is left, <c>left + reserved + what requests have cost</c> stays as it is, and nothing of it is ever below zero. One thread at a time: what it belongs to has a lock, under which more changes
/// with it.
/// </remarks>
public sealed class Grant
{
    /// <summary>What may still be reserved.</summary>
    public Money Left { get; private set; }

    /// <summary>For requests under way.</summary>
    public Money Reserved { get; private set; }

    /// <summary>How many requests that is, whether they cost anything or not.</summary>
    public int Open { get; private set; }

    /// <summary>How often something was reserved, or a request has ended.</summary>
    public long Uses { get; private set; }

    /// <summary>Whether nothing is reserved any more. What is reserved may still end.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Sets aside what a request may cost.</summary>
    /// <param name="most">What it may cost at most; not negative.</param>
    /// <returns>Whether as much was left. It ends once.</returns>
    public bool TryReserve(Money most)
    {
        if (IsClosed || most > Left)
            return false;
        (Left, Reserved) = (Left - most, Reserved + most);
        (Open, Uses) = (Open + 1, Uses + 1);
        return true;
    }

    /// <summary>A request has ended.</summary>
    /// <param name="most">What was set aside for it.</param>
    /// <param name="cost">What it has cost: from nothing to that.</param>
    public void End(Money most, Money cost)
    {
        Reserved -= most;
        (Open, Uses) = (Open - 1, Uses + 1);
        Set(Left + most - cost);
    }

    /// <summary>So much may be reserved from now on, besides what is; nothing of what is closed.</summary>
    public void Set(Money left) => Left = IsClosed ? Money.Zero : left;

    /// <summary>Nothing is reserved from here on.</summary>
    public void Close() => (IsClosed, Left) = (true, Money.Zero);
}
