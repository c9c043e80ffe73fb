namespace Stoa.Wasm.Wasi;

/// <summary>What a WASI function answers: <see cref="Success"/> or the reason of a refusal.</summary>
/// <remarks>Names, order and values are those of <c>errno</c> in the witx of snapshot preview 1.</remarks>
public enum Errno : ushort
{
    /// <summary>The call succeeded.</summary>
    Success = 0,

    /// <summary>The argument list is too long.</summary>
    TooBig = 1,

    /// <summary>Permission denied by the host.</summary>
    Acces = 2,

    /// <summary>The address is in use.</summary>
    AddrInUse = 3,

    /// <summary>The address is not available.</summary>
    AddrNotAvail = 4,

    /// <summary>The address family is not supported.</summary>
    AfNoSupport = 5,

    /// <summary>The resource is unavailable for now, or the operation would block.</summary>
    Again = 6,

    /// <summary>A connection is already in progress.</summary>
    Already = 7,

    /// <summary>The file descriptor is not open, or not open for this.</summary>
    Badf = 8,

    /// <summary>A bad message.</summary>
    BadMsg = 9,

    /// <summary>The device or resource is busy.</summary>
    Busy = 10,

    /// <summary>The operation was cancelled.</summary>
    Canceled = 11,

    /// <summary>There are no child processes.</summary>
    Child = 12,

    /// <summary>The connection was aborted.</summary>
    ConnAborted = 13,

    /// <summary>The connection was refused.</summary>
    ConnRefused = 14,

    /// <summary>The connection was reset.</summary>
    ConnReset = 15,

    /// <summary>The resource would deadlock.</summary>
    Deadlk = 16,

    /// <summary>A destination address is required.</summary>
    DestAddrReq = 17,

    /// <summary>An argument is outside the domain of a mathematical function.</summary>
    Dom = 18,

    /// <summary>The disk quota is used up.</summary>
    Dquot = 19,

    /// <summary>The file exists.</summary>
    Exist = 20,

    /// <summary>A pointer of the guest leads outside its memory.</summary>
    Fault = 21,

    /// <summary>The file would be too large.</summary>
    Fbig = 22,

    /// <summary>The host is unreachable.</summary>
    HostUnreach = 23,

    /// <summary>The identifier was removed.</summary>
    Idrm = 24,

    /// <summary>A byte sequence is not valid UTF-8.</summary>
    Ilseq = 25,

    /// <summary>The operation is in progress.</summary>
    InProgress = 26,

    /// <summary>The function was interrupted.</summary>
    Intr = 27,

    /// <summary>An argument is not valid.</summary>
    Inval = 28,

    /// <summary>The device reported an error.</summary>
    Io = 29,

    /// <summary>The socket is connected.</summary>
    IsConn = 30,

    /// <summary>It is a directory.</summary>
    IsDir = 31,

    /// <summary>Too many symbolic links, or one where none may be followed.</summary>
    Loop = 32,

    /// <summary>Too many file descriptors are open.</summary>
    Mfile = 33,

    /// <summary>Too many hard links.</summary>
    Mlink = 34,

    /// <summary>The message is too large.</summary>
    MsgSize = 35,

    /// <summary>Reserved.</summary>
    Multihop = 36,

    /// <summary>A path or a name is too long.</summary>
    NameTooLong = 37,

    /// <summary>The network is down.</summary>
    NetDown = 38,

    /// <summary>The network aborted the connection.</summary>
    NetReset = 39,

    /// <summary>The network is unreachable.</summary>
    NetUnreach = 40,

    /// <summary>Too many files are open in the system.</summary>
    Nfile = 41,

    /// <summary>No buffer space is available.</summary>
    NoBufs = 42,

    /// <summary>No such device.</summary>
    NoDev = 43,

    /// <summary>No such file or directory.</summary>
    NoEnt = 44,

    /// <summary>The executable has the wrong format.</summary>
    NoExec = 45,

    /// <summary>No locks are available.</summary>
    NoLck = 46,

    /// <summary>Reserved.</summary>
    NoLink = 47,

    /// <summary>Not enough memory.</summary>
    NoMem = 48,

    /// <summary>No message of that type.</summary>
    NoMsg = 49,

    /// <summary>The protocol is not available.</summary>
    NoProtoOpt = 50,

    /// <summary>No space is left on the device.</summary>
    NoSpc = 51,

    /// <summary>The function is not supported.</summary>
    NoSys = 52,

    /// <summary>The socket is not connected.</summary>
    NotConn = 53,

    /// <summary>It is not a directory.</summary>
    NotDir = 54,

    /// <summary>The directory is not empty.</summary>
    NotEmpty = 55,

    /// <summary>The state cannot be recovered.</summary>
    NotRecoverable = 56,

    /// <summary>It is not a socket.</summary>
    NotSock = 57,

    /// <summary>The operation is not supported.</summary>
    NotSup = 58,

    /// <summary>The control operation does not fit the device.</summary>
    NotTy = 59,

    /// <summary>No such device or address.</summary>
    NxIo = 60,

    /// <summary>A value is too large for its type.</summary>
    Overflow = 61,

    /// <summary>The previous owner died.</summary>
    OwnerDead = 62,

    /// <summary>The operation is not permitted; also a path that leads out of its directory.</summary>
    Perm = 63,

    /// <summary>The pipe is broken.</summary>
    Pipe = 64,

    /// <summary>A protocol error.</summary>
    Proto = 65,

    /// <summary>The protocol is not supported.</summary>
    ProtoNoSupport = 66,

    /// <summary>The protocol has the wrong type for the socket.</summary>
    Prototype = 67,

    /// <summary>The result is too large.</summary>
    Range = 68,

    /// <summary>The file system is read-only.</summary>
    Rofs = 69,

    /// <summary>The stream cannot seek.</summary>
    SPipe = 70,

    /// <summary>No such process.</summary>
    Srch = 71,

    /// <summary>Reserved.</summary>
    Stale = 72,

    /// <summary>The connection timed out.</summary>
    TimedOut = 73,

    /// <summary>The text file is busy.</summary>
    TxtBsy = 74,

    /// <summary>The link would cross devices.</summary>
    Xdev = 75,

    /// <summary>The descriptor lacks the right.</summary>
    NotCapable = 76,
}
