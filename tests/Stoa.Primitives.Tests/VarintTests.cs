using System.Buffers;
using FsCheck.Fluent;

namespace Stoa.Primitives.Tests;

public sealed class VarintTests
{
    // github.com/multiformats/unsigned-varint, the examples of its specification, and the edges of each length.
    [Theory]
    [InlineData(0, "00")]
    [InlineData(1, "01")]
    [InlineData(127, "7F")]
    [InlineData(128, "8001")]
    [InlineData(255, "FF01")]
    [InlineData(300, "AC02")]
    [InlineData(16_383, "FF7F")]
    [InlineData(16_384, "808001")]
    [InlineData(long.MaxValue, "FFFFFFFFFFFFFFFF7F")]
    public void Value_OfTheSpecification_HasItsEncoding(ulong value, string hex)
    {
        var buffer = new byte[Varint.MaxLength];
        var length = Varint.Write(value, buffer);
        Convert.ToHexString(buffer, 0, length).ShouldBe(hex);
        Varint.LengthOf(value).ShouldBe(length);
        Varint.Read([.. buffer.AsSpan(0, length), 0xff], out var read).ShouldBe(value);
        read.ShouldBe(length);
    }

    [Theory]
    [InlineData("", OperationStatus.NeedMoreData)]
    [InlineData("80", OperationStatus.NeedMoreData)]
    [InlineData("FFFFFFFFFFFFFFFF", OperationStatus.NeedMoreData)]
    [InlineData("8000", OperationStatus.InvalidData)]
    [InlineData("8100", OperationStatus.InvalidData)]
    [InlineData("FFFFFFFFFFFFFFFF00", OperationStatus.InvalidData)]
    [InlineData("FFFFFFFFFFFFFFFFFF", OperationStatus.InvalidData)]
    [InlineData("FFFFFFFFFFFFFFFFFF01", OperationStatus.InvalidData)]
    [InlineData("80808080808080808001", OperationStatus.InvalidData)]
    public void Read_AnythingElse_SaysWhy(string hex, OperationStatus status)
    {
        Varint.TryRead(Convert.FromHexString(hex), out var value, out var length).ShouldBe(status);
        value.ShouldBe(0UL);
        length.ShouldBe(0);
        Should.Throw<FormatException>(() => Varint.Read(Convert.FromHexString(hex), out _));
    }

    [Fact]
    public void Write_BeyondRangeOrRoom_IsRefused()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => Varint.Write(Varint.MaxValue + 1, new byte[10]));
        Should.Throw<ArgumentException>(() => Varint.Write(128, new byte[1]));
    }

    [Fact]
    public void Value_Any_ComesBack() =>
        Prop.ForAll((Guid bits, byte shift) =>
        {
            var value = (BitConverter.ToUInt64(bits.ToByteArray()) & Varint.MaxValue) >> (shift % 63);
            var buffer = new byte[Varint.MaxLength];
            var written = Varint.Write(value, buffer);
            return Varint.TryRead(buffer, out var read, out var length) == OperationStatus.Done && read == value && length == written;
        }).ShouldHold();
}
