namespace Stoa.Simulation;

public sealed class AgendaTests
{
    /// <summary>Few moments, so that many things have the same one.</summary>
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void First_AfterAnyHistory_IsTheEarliest_AndOfOneMomentTheOneWithTheLowestNumber(int seed)
    {
        var random = new Random(seed);
        var agenda = new Agenda<int>();
        var model = new List<(long At, long Sequence, int Item)>();
        for (var step = 1; step <= 20_000; step++)
        {
            if (step % 5_000 == 0)
            {
                agenda.RemoveAll(item => item % 3 == 0);
                model.RemoveAll(one => one.Item % 3 == 0);
            }

            if (model.Count == 0 || random.Next(100) < 55)
            {
                var (at, item) = (random.Next(50), random.Next(1_000));
                agenda.Add(at, step, item);
                model.Add((at, step, item));
            }
            else
            {
                Expect();
                agenda.Take();
            }

            agenda.Count.ShouldBe(model.Count);
        }

        while (model.Count > 0)
        {
            Expect();
            agenda.Take();
        }

        agenda.Count.ShouldBe(0);

        void Expect()
        {
            var least = model.Min();
            (agenda.FirstDue.At, agenda.FirstDue.Sequence, agenda.First).ShouldBe(least);
            model.Remove(least);
        }
    }
}
