//! Fields of the registers, with the databook's names; only what the driver uses.
//!
//! Where the Broadcom integration gives a field another meaning than the databook, the comment
//! says so.
#![allow(missing_docs, reason = "the macro's items carry the databook's field names")]

use tock_registers::register_bitfields;

register_bitfields! [u32,
    pub GOTGCTL [
        /// Host set HNP enable: off, there is no role swap.
        HSTSETHNPEN OFFSET(10) NUMBITS(1) [],
    ],
    pub GAHBCFG [
        /// Global interrupt mask: 1 lets interrupts through.
        GLBLINTRMSK OFFSET(0) NUMBITS(1) [],
        /// Broadcom: the longest AXI burst, 0 = 4 beats.
        AXIBURST OFFSET(1) NUMBITS(2) [],
        /// Broadcom: wait for outstanding AXI writes before signalling completion.
        WAITAXIWRITES OFFSET(4) NUMBITS(1) [],
        /// Internal DMA.
        DMAEN OFFSET(5) NUMBITS(1) [],
    ],
    pub GUSBCFG [
        /// Timeout calibration, in PHY clocks.
        TOUTCAL OFFSET(0) NUMBITS(3) [],
        /// 1 = 16-bit UTMI+.
        PHYIF OFFSET(3) NUMBITS(1) [],
        /// 1 = ULPI instead of UTMI+.
        ULPIUTMISEL OFFSET(4) NUMBITS(1) [],
        /// 1 = full-speed serial transceiver.
        PHYSEL OFFSET(6) NUMBITS(1) [],
        SRPCAP OFFSET(8) NUMBITS(1) [],
        HNPCAP OFFSET(9) NUMBITS(1) [],
        /// Turnaround time, in PHY clocks.
        USBTRDTIM OFFSET(10) NUMBITS(4) [],
        ULPIFSLS OFFSET(17) NUMBITS(1) [],
        ULPICLKSUSM OFFSET(19) NUMBITS(1) [],
        ULPIEXTVBUSDRV OFFSET(20) NUMBITS(1) [],
        /// Data line pulsing through the termination select line.
        TERMSELDLPULSE OFFSET(22) NUMBITS(1) [],
        FORCEHSTMODE OFFSET(29) NUMBITS(1) [],
        FORCEDEVMODE OFFSET(30) NUMBITS(1) [],
    ],
    pub GRSTCTL [
        /// Core soft reset, clears itself (cores before 4.20a).
        CSFTRST OFFSET(0) NUMBITS(1) [],
        RXFFLSH OFFSET(4) NUMBITS(1) [],
        TXFFLSH OFFSET(5) NUMBITS(1) [],
        /// Which transmit FIFO to flush; 0x10 = all.
        TXFNUM OFFSET(6) NUMBITS(5) [
            All = 0x10
        ],
        /// AHB master idle.
        AHBIDLE OFFSET(31) NUMBITS(1) [],
    ],
    pub GINTSTS [
        /// Current mode: 1 = host.
        CURMOD OFFSET(0) NUMBITS(1) [],
        /// OTG interrupt, acknowledged in GOTGINT.
        OTGINT OFFSET(2) NUMBITS(1) [],
        SOF OFFSET(3) NUMBITS(1) [],
        /// Sum of the root port's change bits.
        PRTINT OFFSET(24) NUMBITS(1) [],
        /// Sum of the channels' interrupts.
        HCHINT OFFSET(25) NUMBITS(1) [],
        /// The device on the root port went away.
        DISCONNINT OFFSET(29) NUMBITS(1) [],
    ],
    pub GRXFSIZ [
        /// Depth in words.
        RXFDEP OFFSET(0) NUMBITS(16) [],
    ],
    pub GNPTXFSIZ [
        /// First word of the FIFO RAM.
        NPTXFSTADDR OFFSET(0) NUMBITS(16) [],
        /// Depth in words.
        NPTXFDEP OFFSET(16) NUMBITS(16) [],
    ],
    pub HPTXFSIZ [
        /// First word of the FIFO RAM.
        PTXFSTADDR OFFSET(0) NUMBITS(16) [],
        /// Depth in words.
        PTXFSIZE OFFSET(16) NUMBITS(16) [],
    ],
    pub GSNPSID [
        /// Release, 0x280a = 2.80a.
        RELEASE OFFSET(0) NUMBITS(16) [],
        /// "OT" for this family.
        PRODUCT OFFSET(16) NUMBITS(16) [
            Otg = 0x4f54
        ],
    ],
    pub GHWCFG2 [
        OTGARCH OFFSET(3) NUMBITS(2) [
            SlaveOnly = 0,
            ExternalDma = 1,
            InternalDma = 2
        ],
        HSPHYTYPE OFFSET(6) NUMBITS(2) [
            None = 0,
            UtmiPlus = 1,
            Ulpi = 2,
            UtmiPlusUlpi = 3
        ],
        FSPHYTYPE OFFSET(8) NUMBITS(2) [
            None = 0,
            Dedicated = 1,
            SharedUtmi = 2,
            SharedUlpi = 3
        ],
        /// Number of host channels minus 1.
        NUMHSTCHNL OFFSET(14) NUMBITS(4) [],
        /// 1 = the sizes of the FIFOs can be set.
        DYNFIFOSIZING OFFSET(19) NUMBITS(1) [],
        /// Depth of the non-periodic request queue: 0 = 2, 1 = 4, 2 = 8.
        NPTXQDEPTH OFFSET(22) NUMBITS(2) [],
    ],
    pub GHWCFG3 [
        /// Width of HCTSIZ.XFERSIZE minus 11.
        XFERSIZEWIDTH OFFSET(0) NUMBITS(4) [],
        /// Width of HCTSIZ.PKTCNT minus 4.
        PKTSIZEWIDTH OFFSET(4) NUMBITS(3) [],
        /// FIFO RAM in words.
        DFIFODEPTH OFFSET(16) NUMBITS(16) [],
    ],
    pub GHWCFG4 [
        /// UTMI+ data width: 0 = 8 bit, 1 = 16 bit, 2 = either.
        PHYDATAWIDTH OFFSET(14) NUMBITS(2) [],
    ],
    pub HCFG [
        /// PHY clock of full and low speed: 0 = 30/60 MHz, 1 = 48 MHz.
        FSLSPCLKSEL OFFSET(0) NUMBITS(2) [],
        /// 1 = never chirp.
        FSLSSUPP OFFSET(2) NUMBITS(1) [],
    ],
    pub HFIR [
        /// PHY clocks in a (micro)frame, minus 1.
        FRINT OFFSET(0) NUMBITS(16) [],
    ],
    pub HFNUM [
        /// (Micro)frame number; wraps at 0x3fff.
        FRNUM OFFSET(0) NUMBITS(16) [],
    ],
    pub HPRT0 [
        PRTCONNSTS OFFSET(0) NUMBITS(1) [],
        /// Write 1 to clear.
        PRTCONNDET OFFSET(1) NUMBITS(1) [],
        /// Write 1 to DISABLE the port.
        PRTENA OFFSET(2) NUMBITS(1) [],
        /// Write 1 to clear.
        PRTENCHNG OFFSET(3) NUMBITS(1) [],
        PRTOVRCURRACT OFFSET(4) NUMBITS(1) [],
        /// Write 1 to clear.
        PRTOVRCURRCHNG OFFSET(5) NUMBITS(1) [],
        PRTRST OFFSET(8) NUMBITS(1) [],
        PRTPWR OFFSET(12) NUMBITS(1) [],
        PRTSPD OFFSET(17) NUMBITS(2) [
            High = 0,
            Full = 1,
            Low = 2
        ],
    ],
    pub HCCHAR [
        /// Maximum packet size in bytes.
        MPS OFFSET(0) NUMBITS(11) [],
        EPNUM OFFSET(11) NUMBITS(4) [],
        /// 1 = IN.
        EPDIR OFFSET(15) NUMBITS(1) [],
        /// The device is a low-speed one.
        LSPDDEV OFFSET(17) NUMBITS(1) [],
        EPTYPE OFFSET(18) NUMBITS(2) [
            Control = 0,
            Isochronous = 1,
            Bulk = 2,
            Interrupt = 3
        ],
        /// Transactions in a microframe (periodic), at least 1.
        EC OFFSET(20) NUMBITS(2) [],
        DEVADDR OFFSET(22) NUMBITS(7) [],
        /// Parity of the (micro)frame in which a periodic channel shall run.
        ODDFRM OFFSET(29) NUMBITS(1) [],
        CHDIS OFFSET(30) NUMBITS(1) [],
        CHENA OFFSET(31) NUMBITS(1) [],
    ],
    pub HCSPLT [
        PRTADDR OFFSET(0) NUMBITS(7) [],
        HUBADDR OFFSET(7) NUMBITS(7) [],
        /// Which part of the payload this split carries.
        XACTPOS OFFSET(14) NUMBITS(2) [
            All = 3
        ],
        COMPSPLT OFFSET(16) NUMBITS(1) [],
        SPLTENA OFFSET(31) NUMBITS(1) [],
    ],
    pub HCINT [
        XFERCOMPL OFFSET(0) NUMBITS(1) [],
        CHHLTD OFFSET(1) NUMBITS(1) [],
        AHBERR OFFSET(2) NUMBITS(1) [],
        STALL OFFSET(3) NUMBITS(1) [],
        NAK OFFSET(4) NUMBITS(1) [],
        ACK OFFSET(5) NUMBITS(1) [],
        NYET OFFSET(6) NUMBITS(1) [],
        /// CRC, timeout, bit stuffing, false EOP.
        XACTERR OFFSET(7) NUMBITS(1) [],
        BBLERR OFFSET(8) NUMBITS(1) [],
        FRMOVRUN OFFSET(9) NUMBITS(1) [],
        DATATGLERR OFFSET(10) NUMBITS(1) [],
        /// Everything that can be acknowledged.
        ALL OFFSET(0) NUMBITS(14) [],
    ],
    pub HCTSIZ [
        /// Bytes left.
        XFERSIZE OFFSET(0) NUMBITS(19) [],
        /// Packets left.
        PKTCNT OFFSET(19) NUMBITS(10) [],
        PID OFFSET(29) NUMBITS(2) [
            Data0 = 0,
            Data2 = 1,
            Data1 = 2,
            Setup = 3
        ],
        /// Begin with PING.
        DOPNG OFFSET(31) NUMBITS(1) [],
    ],
];
