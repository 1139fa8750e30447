package templates

// Chart is how often two kinds of things happened in stretches of time that follow each other.
type Chart struct{ Points []ChartPoint }

// ChartPoint is one stretch of time and what happened in it.
type ChartPoint struct {
	From          string // when it begins
	First, Second int64
}

// The drawing is of this size, whatever size it is shown in; the numbers stand above and below the bars.
const (
	chartWidth  = 480
	chartHeight = 120
)

// ChartBar is where the two parts of a stretch are drawn, the second upon the first.
type ChartBar struct {
	X, Width              float64
	FirstY, FirstHeight   float64
	SecondY, SecondHeight float64
	ChartPoint
}

// Most is the greatest number of things in one stretch.
func (c Chart) Most() int64 {
	var most int64
	for _, point := range c.Points {
		most = max(most, point.First+point.Second)
	}
	return most
}

// FirstTotal is how many things of the first kind happened.
func (c Chart) FirstTotal() (total int64) {
	for _, point := range c.Points {
		total += point.First
	}
	return total
}

// SecondTotal is how many things of the second kind happened.
func (c Chart) SecondTotal() (total int64) {
	for _, point := range c.Points {
		total += point.Second
	}
	return total
}

// Bars is the drawing. What happened at all is at least two units high, so that one among thousands is seen.
func (c Chart) Bars() []ChartBar {
	const least, gap = 2, 0.25
	most := c.Most()
	height := func(count int64) float64 {
		if count == 0 {
			return 0
		}
		return max(least, float64(count)/float64(most)*(chartHeight-2*least))
	}
	bars := make([]ChartBar, len(c.Points))
	width := chartWidth / float64(max(1, len(c.Points)))
	for i, point := range c.Points {
		bar := ChartBar{X: (float64(i) + gap/2) * width, Width: width * (1 - gap), ChartPoint: point,
			FirstHeight: height(point.First), SecondHeight: height(point.Second)}
		bar.FirstY = chartHeight - bar.FirstHeight
		bar.SecondY = bar.FirstY - bar.SecondHeight
		bars[i] = bar
	}
	return bars
}
