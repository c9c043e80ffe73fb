using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Inference;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Inference;

/// <summary>Whatever is reserved, in whatever order it ends, and whatever is said to be left in between.</summary>
public sealed class GrantProperties
{
    private const int Tests = 2_000;

    private enum Act
    {
        Reserve,
        End,
        Set,
        Close,
    }

    /// <param name="Act">What is done.</param>
    /// <param name="Amount">That is reserved, or left from then on.</param>
    /// <param name="Share">Which of those under way ends, and what it has cost of what was set aside, of a thousand.</param>
    private sealed record Step(Act Act, long Amount, int Share);

    [Fact]
    public void Money_IsLeft_OrReserved_OrSpent() => Check(steps =>
    {
        var (grant, underWay, uses) = (new Grant(), new List<long>(), 0L);
        var (given, spent, isClosed) = (0L, 0L, false);
        foreach (var step in steps)
        {
            switch (step.Act)
            {
                case Act.Reserve:
                    var isThere = !isClosed && step.Amount <= given - spent - underWay.Sum();
                    grant.TryReserve(new Money(step.Amount)).ShouldBe(isThere);
                    if (isThere)
                    {
                        underWay.Add(step.Amount);
                        uses++;
                    }

                    break;
                case Act.End when underWay.Count > 0:
                    var most = underWay[step.Share % underWay.Count];
                    underWay.Remove(most);
                    grant.End(new Money(most), new Money(most * step.Share / 1_000));
                    spent += most * step.Share / 1_000;
                    uses++;
                    break;
                case Act.Set:
                    grant.Set(new Money(step.Amount));
                    given = spent + underWay.Sum() + step.Amount;
                    break;
                case Act.Close:
                    grant.Close();
                    isClosed = true;
                    break;
            }

            var left = isClosed ? 0 : given - spent - underWay.Sum();
            left.ShouldBeGreaterThanOrEqualTo(0);
            (grant.Left, grant.Reserved, grant.Open, grant.Uses, grant.IsClosed).ShouldBe((new Money(left), new Money(underWay.Sum()), underWay.Count, uses, isClosed));
        }
    });

    private static void Check(Action<Step[]> property) => Prop.ForAll(
        Gen.ArrayOf(
            from act in Gen.Frequency((6, Gen.Constant(Act.Reserve)), (6, Gen.Constant(Act.End)), (3, Gen.Constant(Act.Set)), (1, Gen.Constant(Act.Close)))
            from amount in Gen.Choose(0, 1_000)
            from share in Gen.Choose(0, 1_000)
            select new Step(act, amount, share)).ToArbitrary(),
        property).Check(Config.QuickThrowOnFailure.WithMaxTest(Tests));
}
