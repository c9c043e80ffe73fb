using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market.Inference;
using Stoa.Node.Inference.Charging;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

public sealed class ChargeSlotsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-slots-").FullName;

    private string File => Path.Combine(_folder, ChargeSlots.FileName);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Slots_AfterAnotherStart_HaveWhatWasWrittenLast()
    {
        var (first, second, freed) = (NewId(), NewId(), NewId());
        using (var slots = Open())
        {
            slots.Left.ShouldBeEmpty();
            var slot = slots.TryTake(first).ShouldNotBeNull();
            for (var requests = 1; requests <= 5; requests++)
                slot.Write(Spent(requests));
            slots.TryTake(second).ShouldNotBeNull();
            var gone = slots.TryTake(freed).ShouldNotBeNull();
            gone.Write(Spent(9));
            gone.Free();
        }

        using var again = Open();
        again.Left.ToDictionary(left => left.Id, left => left.Spent).ShouldBe(new Dictionary<Id<Allowance>, InferenceSpending> { [first] = Spent(5), [second] = default }, ignoreOrder: true);
        again.Free(again.Left[0].Index);
        again.Dispose();
        using var third = Open();
        third.Left.ShouldHaveSingleItem();
    }

    [Fact]
    public void Slots_OfWhichAReuseIsKilledBeforeItsFirstRequest_HaveNothingOfTheOneBefore()
    {
        var (before, after) = (NewId(), NewId());
        using (var slots = new ChargeSlots(File, ChargeSlots.FirstCount, NullLogger.Instance))
        {
            var taken = Enumerable.Range(0, ChargeSlots.FirstCount).Select(_ => slots.TryTake(before).ShouldNotBeNull()).ToList();
            taken[7].Write(Spent(3));
            taken[7].Free();
            slots.TryTake(after).ShouldNotBeNull();
        }

        using var again = Open();
        again.Left.Single(left => left.Id == after).Spent.ShouldBe(default);
    }

    [Fact]
    public void Slots_BeyondTheFirst_GrowUpToTheMostAndKeepWhatIsThere()
    {
        const int Most = 300;
        var ids = Enumerable.Range(0, Most).Select(_ => NewId()).ToList();
        using (var slots = new ChargeSlots(File, Most, NullLogger.Instance))
        {
            var taken = ids.Select(id => slots.TryTake(id).ShouldNotBeNull()).ToList();
            slots.TryTake(NewId()).ShouldBeNull();
            // Those of before the file grew are written to as well.
            for (var index = 0; index < Most; index++)
                taken[index].Write(Spent(index + 1));
            taken[Most / 2].Free();
            var last = slots.TryTake(ids[Most / 2]).ShouldNotBeNull();
            last.Write(Spent(Most / 2 + 1));
        }

        // Fewer are wanted now: those that are there are read all the same.
        using var again = Open();
        again.Left.Count.ShouldBe(Most);
        again.Left.ShouldAllBe(left => left.Spent == Spent(ids.IndexOf(left.Id) + 1));
        new FileInfo(File).Length.ShouldBe((Most + 1) * 144);
    }

    [Theory]
    // The id, its check, and both copies of what was spent below zero.
    [InlineData(16)]
    [InlineData(8)]
    public void Slot_ThatIsDamaged_IsNoMoney(int at)
    {
        using (var slots = Open())
            slots.TryTake(NewId()).ShouldNotBeNull().Write(Spent(4));
        using (var file = new FileStream(File, FileMode.Open))
        {
            file.Position = 144 + at;
            var was = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(was ^ 0x10));
        }

        using var again = Open();

        again.Left.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Slot_KilledWithinAWrite_HasTheOneBefore(int writes)
    {
        var id = NewId();
        using (var slots = Open())
        {
            var slot = slots.TryTake(id).ShouldNotBeNull();
            for (var request = 1; request <= writes; request++)
                slot.Write(Spent(request));
        }

        // The next write goes over the older copy, and ends with its sequence: here it comes to its third number.
        using (var file = new FileStream(File, FileMode.Open))
        {
            file.Position = 144 + 32 + (writes + 1) % 2 * 56;
            file.Write(Enumerable.Repeat((byte)1, 24).ToArray());
        }

        using var again = Open();
        again.Left.ShouldHaveSingleItem().Spent.ShouldBe(writes == 0 ? default : Spent(writes));
    }

    [Fact]
    public void File_OfTheFirstVersion_IsTakenOverWithWhatWasSpent()
    {
        var (spent, unused) = (NewId(), NewId());
        byte[] bytes;
        using (var slots = Open())
        {
            var slot = slots.TryTake(spent).ShouldNotBeNull();
            for (var request = 1; request <= 3; request++)
                slot.Write(Spent(request) with { Price = new InferencePrice(new Money(request * 300), new Money(request * 400)) });
            slots.TryTake(unused).ShouldNotBeNull();
        }

        // What the first version had: slots of 128 bytes, of which two copies of 48.
        bytes = System.IO.File.ReadAllBytes(File);
        using (var old = new MemoryStream())
        {
            old.Write([.. "stoainf\n"u8, 1, 0, 0, 0, 128, 0, 0, 0]);
            old.SetLength(128);
            for (var slot = 144; slot < bytes.Length; slot += 144)
            {
                old.Position = old.Length;
                old.Write(bytes, slot, 32);
                for (var copy = 0; copy < 2; copy++)
                {
                    old.Write(bytes, slot + 32 + (copy * 56), 40);
                    old.Write(bytes, slot + 32 + (copy * 56) + 48, 8);
                }
            }

            System.IO.File.WriteAllBytes(File, old.ToArray());
        }

        using var again = Open();

        again.Left.Select(left => (left.Id, left.Spent)).ShouldBe(
            [(spent, Spent(3) with { Price = new InferencePrice(new Money(900), new Money(1_200)) }), (unused, default)], ignoreOrder: true);
        System.IO.File.Exists(File + ".unreadable").ShouldBeFalse();
    }

    [Fact]
    public void File_OfSomethingElse_IsPutAside()
    {
        System.IO.File.WriteAllText(File, new string('x', 1_000));

        using (var slots = Open())
            slots.TryTake(NewId()).ShouldNotBeNull();

        System.IO.File.ReadAllText(File + ".unreadable").ShouldBe(new string('x', 1_000));
    }

    [Fact]
    public void File_ThatAnotherHasOpen_IsRefused()
    {
        using var slots = Open();

        Should.Throw<IOException>(Open);
    }

    [Fact]
    public void Slot_WrittenAfterTheFileWasClosed_DoesNothing()
    {
        var slots = Open();
        var slot = slots.TryTake(NewId()).ShouldNotBeNull();
        slots.Dispose();

        slot.Write(Spent(1));

        using var again = Open();
        again.Left.ShouldHaveSingleItem().Spent.ShouldBe(default);
    }

    private static InferenceSpending Spent(long requests) =>
        new(requests, requests * 10, requests * 20, new InferencePrice(new Money(requests * 300), new Money(requests * 400), new Money(requests * 500)));

    private static Id<Allowance> NewId() => new(Guid.CreateVersion7());

    private ChargeSlots Open() => new(File, 4_096, NullLogger.Instance);
}
